/* Any bytes: onnx_parse() refuses them or makes a model that the passes take. */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "fuzz.h"
#include "model/cost.h"
#include "model/model.h"
#include "model/onnx.h"
#include "model/passes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = ARENA_INIT;
    struct model *model;
    if (onnx_parse(&model, data, size, "fuzz.onnx", &arena) == 0 && passes_for_inference(model) == 0)
        (void)model_cost(model);
    arena_release(&arena);
    return 0;
}
