/* mcunet eval: accuracy of a network, or (given a recipe) of a run's float and int8 networks with the recipe's floor. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cli/accuracy.h"
#include "cli/commands.h"
#include "cli/network.h"
#include "cli/stage.h"
#include "model/model.h"
#include "model/onnx.h"
#include "nas/subnet.h"
#include "nas/supernet.h"

static const char usage[] = "mcunet eval MODEL.onnx --data SET [options]\n"
                            "       mcunet eval RECIPE.yml -o DIR";

struct eval_options {
    int images, holdout;
    const char *split, *preprocess, *subnet;
};

static json_t *accuracy_json(const struct accuracy *accuracy)
{
    return json_pack("{s:i, s:i, s:f, s:f}", "images", accuracy->images, "correct", accuracy->correct1, "top1",
                     accuracy_top1(accuracy), "top5", accuracy_top5(accuracy));
}

static int open_images(struct stage *stage, const struct eval_options *options, int classes, struct dataset **out)
{
    static const struct {
        const char *name;
        enum split split;
    } splits[] = {{"all", SPLIT_ALL}, {"train", SPLIT_TRAIN}, {"val", SPLIT_VAL}};
    if (options->holdout) /* the images that `quantize` did not take, with the same seed */
        stage->recipe.quantize.images = options->holdout;
    const char *name = options->split ? options->split : options->holdout ? "val" : NULL;
    for (size_t i = 0; name && i < sizeof splits / sizeof *splits; i++)
        if (!strcmp(name, splits[i].name))
            return stage_dataset_limited(stage, splits[i].split, classes, options->images, out);
    if (name)
        return error_usage("--split '%s': expected all, train or val", name);
    return stage_dataset_limited(stage, SPLIT_VAL_OR_ALL, classes, options->images, out);
}

/* The float network of a supernet's subnet, its statistics re-estimated on training images. */
static int load_subnet(struct stage *stage, const char *text, struct network *network)
{
    struct supernet *supernet;
    struct subnet subnet;
    struct dataset *bn;
    stage->recipe.top.supernet = stage->operand;
    int rc = stage_supernet(stage, &supernet);
    if (!rc)
        rc = subnet_parse(&subnet, text, supernet);
    if (!rc)
        rc = stage_dataset(stage, SPLIT_CALIBRATION, supernet->classes, &bn);
    if (rc)
        return rc;
    rc = network_from_subnet(network, supernet, &subnet, bn, dataset_count(bn), stage->threads, &stage->arena);
    dataset_close(bn);
    return rc;
}

static int eval_model(struct stage *stage, const struct eval_options *options)
{
    struct network network;
    struct dataset *images;
    struct accuracy accuracy;
    int rc = options->subnet ? load_subnet(stage, options->subnet, &network)
                             : network_load(&network, stage->operand, options->preprocess, stage->quiet, &stage->arena);
    if (!rc)
        rc = open_images(stage, options, network.classes, &images);
    if (rc)
        return rc;
    rc = accuracy_measure(&accuracy, &network, images, stage->threads, stage->quiet);
    dataset_close(images);
    if (rc)
        return rc;
    if (!stage->json) {
        printf("top-1 %.2f %%  top-5 %.2f %%  (%d images, %s)\n", accuracy_top1(&accuracy), accuracy_top5(&accuracy),
               accuracy.images, network.qmodel ? "int8" : "float");
        return 0;
    }
    json_t *result = stage_artifact(stage, "eval");
    json_t *figures = accuracy_json(&accuracy);
    json_object_update(result, figures);
    json_object_set_new(result, "type", json_string(network.qmodel ? "int8" : "float"));
    json_object_set_new(result, "model_sha256", json_string(network.sha256));
    json_decref(figures);
    rc = json_print(result);
    json_decref(result);
    return rc;
}

static int check_floor(const struct recipe *recipe, const struct accuracy *fp, const struct accuracy *int8)
{
    double top1 = accuracy_top1(int8), loss = accuracy_top1(fp) - top1;
    if (top1 < recipe->evaluate.floor)
        return error_accuracy("int8 top-1 is %.2f %%, the recipe's floor is %.2f %%", top1, recipe->evaluate.floor);
    if (loss > recipe->evaluate.max_loss)
        return error_accuracy("int8 loses %.2f points of top-1 (%.2f -> %.2f %%), the recipe allows %.2f", loss, accuracy_top1(fp),
                              top1, recipe->evaluate.max_loss);
    return 0;
}

static int eval_run(struct stage *stage)
{
    const struct recipe *recipe = &stage->recipe;
    struct network fp, int8;
    struct dataset *images;
    const char *float_path = *recipe->top.model ? recipe_user_path(recipe->top.model, &stage->arena) : stage_path(stage, "subnet.onnx");
    int rc = network_load(&fp, float_path, recipe->top.preprocess, true, &stage->arena);
    if (!rc)
        rc = network_load(&int8, stage_path(stage, "int8.onnx"), recipe->top.preprocess, true, &stage->arena);
    if (!rc)
        rc = stage_dataset_limited(stage, SPLIT_VAL, fp.classes, recipe->evaluate.images, &images);
    if (rc)
        return rc;
    struct accuracy float_accuracy, int8_accuracy;
    rc = accuracy_measure(&float_accuracy, &fp, images, stage->threads, stage->quiet);
    if (!rc)
        rc = accuracy_measure(&int8_accuracy, &int8, images, stage->threads, stage->quiet);
    dataset_close(images);
    if (rc)
        return rc;
    json_t *result = stage_artifact(stage, "eval");
    json_object_set_new(result, "images", json_integer(float_accuracy.images));
    json_object_set_new(result, "float", accuracy_json(&float_accuracy));
    json_object_set_new(result, "int8", accuracy_json(&int8_accuracy));
    json_object_set_new(result, "float_sha256", json_string(fp.sha256));
    json_object_set_new(result, "int8_sha256", json_string(int8.sha256));
    rc = json_write(stage_path(stage, "eval.json"), result);
    if (!rc && stage->json)
        rc = json_print(result);
    json_decref(result);
    if (!rc && !stage->quiet)
        fprintf(stderr, "eval: float top-1 %.2f %%, int8 top-1 %.2f %% (%d images)\n", accuracy_top1(&float_accuracy),
                accuracy_top1(&int8_accuracy), float_accuracy.images);
    return rc ? rc : check_floor(recipe, &float_accuracy, &int8_accuracy);
}

int cmd_eval(int argc, char **argv)
{
    struct stage stage = STAGE_INIT;
    struct eval_options o = {0};
    const struct option_spec options[] = {
        STAGE_OPTIONS(stage),
        OPTION_INT(0, "images", "N", &o.images, "at most N images (default: all)"),
        OPTION_STRING(0, "split", "PART", &o.split, "all, train or val (default: val where the set has one)"),
        OPTION_INT(0, "holdout", "N", &o.holdout, "leave out the N calibration images that `quantize` took with the same seed"),
        OPTION_STRING(0, "preprocess", "HOW", &o.preprocess, "input transform: mcunet, vww, imagenet, squash or JSON"),
        OPTION_STRING(0, "subnet", "TEXT", &o.subnet, "evaluate this subnet of a supernet"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    bool recipe = false;
    rc = stage_start(&stage, argc, argv);
    recipe = !rc && argc > 0 && !stage.operand;
    if (!rc && !recipe && !stage.operand)
        rc = error_usage("eval: which model?");
    if (!rc)
        rc = recipe ? eval_run(&stage) : eval_model(&stage, &o);
    stage_end(&stage);
    return rc;
}
