#include <math.h>

#include "base/error.h"
#include "model/model.h"
#include "model/passes.h"
#include "model/rewrite.h"

/* BN(y) = (y - mean) * factor + shift with factor = scale / sqrt(variance + epsilon), one per channel */
static int fold(struct model *model, struct node *conv, const struct node *bn)
{
    const struct tensor *parameters[4];
    for (int i = 0; i < 4; i++) {
        parameters[i] = &model->tensors[bn->inputs[i + 1]];
        if (!parameters[i]->constant)
            return error_input("layer '%s' (BatchNormalization): '%s' is not a constant", bn->name,
                               parameters[i]->name);
    }
    const float *scale = parameters[0]->data, *shift = parameters[1]->data;
    const float *mean = parameters[2]->data, *variance = parameters[3]->data;
    const struct tensor weights = model->tensors[conv->inputs[1]];
    const struct tensor *bias = conv->n_inputs == 3 ? &model->tensors[conv->inputs[2]] : NULL;
    if (!weights.constant || (bias && !bias->constant))
        return error_input("layer '%s' (BatchNormalization): the weights of '%s' are not constant", bn->name,
                           conv->name);

    const int channels = weights.shape.dim[0];
    const int64_t per_channel = shape_elements(&weights.shape) / channels;
    float *new_weights = NULL, *new_bias = NULL;
    if (weights.data && scale && shift && mean && variance && (!bias || bias->data)) {
        new_weights = ARENA_ARRAY(model->arena, float, (size_t)(channels * per_channel));
        new_bias = ARENA_ARRAY(model->arena, float, (size_t)channels);
        for (int c = 0; c < channels; c++) {
            const double spread = (double)variance[c] + bn->epsilon;
            if (!(spread > 0))
                return error_input("layer '%s' (BatchNormalization): variance %g of channel %d", bn->name,
                                   (double)variance[c], c);
            const double factor = scale[c] / sqrt(spread);
            for (int64_t i = 0; i < per_channel; i++)
                new_weights[c * per_channel + i] = (float)(weights.data[c * per_channel + i] * factor);
            new_bias[c] = (float)(((bias ? bias->data[c] : 0.0) - mean[c]) * factor + shift[c]);
        }
    }
    const char *bias_name = bias ? bias->name : arena_printf(model->arena, "%s.bias", weights.name);
    conv->inputs[1] = model_add_constant(model, weights.name, weights.shape, new_weights);
    conv->inputs[2] = model_add_constant(model, bias_name, shape_of(1, channels), new_bias);
    conv->n_inputs = 3;
    return 0;
}

int pass_fold_batch_norm(struct model *model)
{
    int rc = 0;
    for (int i = 0; i < model->n_nodes && !rc; i++) {
        struct node *bn = &model->nodes[i];
        if (bn->op != OP_BATCH_NORM)
            continue;
        struct node *conv = rewrite_only_producer(model, bn, 0);
        if (!conv || conv->op != OP_CONV || conv->act != ACT_NONE) {
            rc = error_input(
                "layer '%s' (BatchNormalization): only after a Conv that nothing else reads can it be folded",
                bn->name);
            break;
        }
        rc = fold(model, conv, bn);
        if (!rc)
            rewrite_absorb(model, conv, bn);
    }
    rewrite_finish(model);
    return rc;
}
