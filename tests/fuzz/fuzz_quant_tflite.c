/* Any bytes: qmodel_from_tflite() refuses them or makes an int8 graph that runs. */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "fuzz.h"
#include "model/tflite.h"
#include "quant/qexec.h"
#include "quant/qmodel.h"
#include "quant/tflite.h"

enum { MAX_MACS = 1 << 22, MAX_BYTES = 1 << 22 };

static int small_enough(const struct qmodel *q)
{
    int64_t macs = 0, bytes = 0;
    for (int i = 0; i < q->n_nodes; i++) {
        const struct qtensor *out = &q->tensors[q->nodes[i].output];
        const int64_t taps = (int64_t)q->nodes[i].window.kernel_h * q->nodes[i].window.kernel_w;
        macs += qtensor_bytes(out) / out->c * (q->nodes[i].n_weights + taps * out->c + out->c);
    }
    for (int t = 0; t < q->n_tensors; t++)
        bytes += qtensor_bytes(&q->tensors[t]);
    return macs <= MAX_MACS && bytes <= MAX_BYTES;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = ARENA_INIT;
    struct tflite *file;
    struct qmodel *q;
    if (tflite_parse(&file, data, size, "fuzz.tflite", &arena) == 0 &&
        qmodel_from_tflite(&q, file, &arena, NULL) == 0 && small_enough(q)) {
        int8_t *input = arena_alloc(&arena, (size_t)qtensor_bytes(&q->tensors[q->input]));
        int8_t *output = arena_alloc(&arena, (size_t)qtensor_bytes(&q->tensors[q->output]));
        if (qexec_run(q, input, output, NULL))
            __builtin_trap();
    }
    arena_release(&arena);
    return 0;
}
