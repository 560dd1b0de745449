/* Any bytes: tflite_parse() refuses them, or what it gives makes a float model or is refused as one. */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "fuzz.h"
#include "model/passes.h"
#include "model/tflite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = ARENA_INIT;
    struct tflite *file;
    struct model *model;
    if (tflite_parse(&file, data, size, "fuzz.tflite", &arena) == 0 &&
        tflite_to_model(&model, file, &arena) == 0)
        passes_for_inference(model);
    arena_release(&arena);
    return 0;
}
