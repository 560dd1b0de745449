#include "datasets/jpeg.h"

#include <stdbool.h>

enum marker {
    MARKER_TEM = 0x01,
    MARKER_SOF0 = 0xc0,
    MARKER_SOF2 = 0xc2,
    MARKER_DHT = 0xc4,
    MARKER_RST0 = 0xd0,
    MARKER_SOI = 0xd8,
    MARKER_EOI = 0xd9,
    MARKER_SOS = 0xda,
    MARKER_DQT = 0xdb,
    MARKER_DNL = 0xdc,
    MARKER_DRI = 0xdd,
    MARKER_APP0 = 0xe0,
    MARKER_APP15 = 0xef,
    MARKER_COM = 0xfe,
};

/* Bytes of the Huffman table that begins here, or 0: none, or it has more codes of some length than there
 * are. */
static size_t huffman_table(const uint8_t *bytes, size_t left)
{
    enum { LENGTHS = 16, HEADER = 1 + LENGTHS };
    if (left < HEADER || bytes[0] >> 4 > 1 || (bytes[0] & 15) > 3) {
        return 0;
    }
    uint32_t codes = 0, values = 0;
    for (int length = 1; length <= LENGTHS; length++) {
        const uint32_t count = bytes[length];
        codes = 2 * codes + count;
        values += count;
        if (count && codes > 1u << length) {
            return 0;
        }
    }
    return values <= 256 && values <= left - HEADER ? HEADER + values : 0;
}

/* Bytes of the quantization table that begins here, or 0: none. */
static size_t quantization_table(const uint8_t *bytes, size_t left)
{
    const unsigned precision = bytes[0] >> 4, table = bytes[0] & 15;
    const size_t size = 1 + (size_t)64 * (precision + 1);
    return precision <= 1 && table <= 3 && size <= left ? size : 0;
}

/* A segment holds whole tables only. */
static bool tables_are_whole(size_t (*table)(const uint8_t *, size_t), const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        const size_t used = table(bytes, size);
        if (used == 0) {
            return false;
        }
        bytes += used;
        size -= used;
    }
    return true;
}

/* bytes: behind the length. */
static bool segment_is_sound(unsigned marker, const uint8_t *bytes, size_t size)
{
    if (marker == MARKER_DHT) {
        return tables_are_whole(huffman_table, bytes, size);
    }
    if (marker == MARKER_DQT) {
        return tables_are_whole(quantization_table, bytes, size);
    }
    if (marker == MARKER_DRI || marker == MARKER_DNL) {
        return size == 2;
    }
    return (marker >= MARKER_SOF0 && marker <= MARKER_SOF2) || marker == MARKER_SOS || marker == MARKER_COM ||
           (marker >= MARKER_APP0 && marker <= MARKER_APP15);
}

const char *jpeg_problem(const uint8_t *bytes, size_t size)
{
    static const char truncated[] = "truncated JPEG (no end marker)",
                      damaged[] = "corrupt JPEG (bad segment)";
    bool frame = false, scans = false, in_scan = false;
    size_t at = 2; /* behind SOI */
    while (at + 1 < size) {
        if (bytes[at] != 0xff) { /* entropy-coded data, or filling, which decoders skip up to the frame */
            if (frame && !in_scan) {
                return damaged;
            }
            at++;
            continue;
        }
        const unsigned marker = bytes[at + 1];
        if (marker == MARKER_EOI) {
            return scans ? NULL : "corrupt JPEG (no picture in it)";
        }
        if (marker == 0xff) { /* filling */
            at++;
            continue;
        }
        if (marker == 0 || marker == MARKER_TEM || (marker >= MARKER_RST0 && marker <= MARKER_SOI)) {
            if (frame && !in_scan) {
                return damaged;
            }
            at += 2; /* stuffed byte, restart markers: no length */
            continue;
        }
        if (at + 3 >= size) {
            return truncated;
        }
        const size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (length < 2 || length > size - at - 2) {
            return length < 2 ? damaged : truncated;
        }
        if (!segment_is_sound(marker, bytes + at + 4, length - 2)) {
            return damaged;
        }
        frame = frame || (marker >= MARKER_SOF0 && marker <= MARKER_SOF2);
        in_scan = marker == MARKER_SOS;
        scans = scans || in_scan;
        at += 2 + length;
    }
    return truncated;
}
