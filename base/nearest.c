#include "base/nearest.h"

#include <ctype.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

enum { MAX_WORD = 64 };

static int min3(int a, int b, int c)
{
    const int ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Optimal string alignment distance; words longer than MAX_WORD are not typing errors. */
static int edit_distance(const char *a, const char *b)
{
    const size_t rows = strlen(a), columns = strlen(b);
    if (rows > MAX_WORD || columns > MAX_WORD)
        return INT_MAX;

    int cost[3][MAX_WORD + 1]; /* rows i - 2, i - 1, i; rotating */
    for (size_t j = 0; j <= columns; j++)
        cost[0][j] = (int)j;
    for (size_t i = 1; i <= rows; i++) {
        int *row = cost[i % 3];
        const int *above = cost[(i - 1) % 3], *above2 = cost[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= columns; j++) {
            const int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (ca != cb));
            const int swapped = i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
                                tolower((unsigned char)a[i - 2]) == cb;
            if (swapped && above2[j - 2] + 1 < row[j])
                row[j] = above2[j - 2] + 1;
        }
    }
    return cost[rows % 3][columns];
}

const char *nearest_name(const char *word, const char *const *names, int n)
{
    const int length = (int)strlen(word);
    const int limit = length < 2 ? 0 : length < 6 ? 1 + (length >= 4) : (length + 1) / 3;
    const char *best = NULL;
    int best_distance = limit + 1;
    for (int i = 0; i < n; i++) {
        const int distance = edit_distance(word, names[i]);
        if (distance < best_distance) {
            best_distance = distance;
            best = names[i];
        }
    }
    return best;
}
