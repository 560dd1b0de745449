/* mcunet emulate: firmware in QEMU; raw tensors in and out, or images whose logits must equal the host's bit for bit. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "boards/board.h"
#include "boards/emulate.h"
#include "cli/accuracy.h"
#include "cli/commands.h"
#include "cli/cost.h"
#include "cli/estimate.h"
#include "cli/network.h"
#include "cli/stage.h"
#include "quant/qexec.h"
#include "quant/qmodel.h"

static const char usage[] = "mcunet emulate DIR --input IN.bin --output OUT.bin\n"
                            "       mcunet emulate DIR --model INT8.onnx --data SET [--images N]\n"
                            "       mcunet emulate DIR --cycles\n"
                            "       mcunet emulate RECIPE.yml -o DIR";

struct emulate_command {
    const char *input, *output, *model;
    int images, timeout;
    bool cycles;
};

struct tensors {
    int8_t *in, *out, *expected;
    int n;
    int64_t in_bytes, out_bytes;
};

static int project_facts(struct stage *stage, const char *folder, const char **machine, struct tensors *tensors)
{
    const char *path = path_join(&stage->arena, folder, "schedule.json");
    json_t *schedule;
    struct board *board;
    int rc = json_read(&schedule, path);
    if (rc)
        return rc;
    const char *name = json_string_value(json_object_get(schedule, "board"));
    tensors->in_bytes = json_integer_value(json_object_get(schedule, "input_bytes"));
    tensors->out_bytes = json_integer_value(json_object_get(schedule, "output_bytes"));
    rc = !name || tensors->in_bytes < 1 || tensors->out_bytes < 1
             ? error_input("%s: board, input_bytes or output_bytes missing", path)
             : board_load(&board, *stage->recipe.top.board ? recipe_user_path(stage->recipe.top.board, &stage->arena) : name,
                          &stage->arena);
    if (!rc)
        *machine = board->emulator.machine;
    json_decref(schedule);
    return rc;
}

static int run_firmware(struct stage *stage, const char *folder, const char *machine, int timeout, struct tensors *tensors,
                        int64_t *stack_used)
{
    struct emulate_run run = {
        .elf = path_join(&stage->arena, folder, "emulator.elf"),
        .machine = machine,
        .inputs = tensors->in,
        .n = tensors->n,
        .input_bytes = tensors->in_bytes,
        .output_bytes = tensors->out_bytes,
        .outputs = tensors->out,
        .timeout_s = timeout,
        .threads = stage->threads,
        .quiet = stage->quiet,
    };
    if (!file_exists(run.elf))
        return error_input("'%s' is missing (`mcunet build %s --emulator` makes it)", run.elf, folder);
    int rc = emulate(&run, &stage->arena);
    *stack_used = run.stack_used_bytes;
    return rc;
}

static int timeout_of(const struct stage *stage, const struct emulate_command *command)
{
    return command->timeout ? command->timeout : stage->recipe.emulate.timeout;
}

/* The value of "estimate". */
static int estimate(json_t **out, struct stage *stage, const char *folder, const struct emulate_command *command)
{
    struct board *board;
    *out = NULL;
    int rc = project_board(stage, folder, &board);
    return rc ? rc : estimate_project(out, stage, folder, board, timeout_of(stage, command));
}

/* --cycles alone, or after raw tensors. */
static int emulate_cycles(struct stage *stage, const char *folder, const struct emulate_command *command)
{
    json_t *cycles;
    int rc = estimate(&cycles, stage, folder, command);
    if (rc)
        return rc;
    if (stage->json) {
        json_t *result = stage_artifact(stage, "run");
        json_object_set(result, "estimate", cycles);
        rc = json_print(result);
        json_decref(result);
    } else {
        estimate_print(cycles);
    }
    json_decref(cycles);
    return rc;
}

static int emulate_raw(struct stage *stage, const char *folder, const struct emulate_command *command)
{
    struct tensors tensors = {0};
    struct file file;
    const char *machine;
    int64_t stack_used;
    if (command->cycles && !command->input && !command->output)
        return emulate_cycles(stage, folder, command);
    if (!command->input || !command->output)
        return error_usage("emulate: --input and --output go together (or --model with --data, or --cycles)");
    int rc = project_facts(stage, folder, &machine, &tensors);
    if (!rc)
        rc = file_read(&file, command->input, (size_t)1 << 31, &stage->arena);
    if (rc)
        return rc;
    if (file.size == 0 || file.size % tensors.in_bytes)
        return error_input("'%s' has %zu bytes, expected a multiple of the network's input, %lld", command->input, file.size,
                           (long long)tensors.in_bytes);
    tensors.n = (int)(file.size / tensors.in_bytes);
    tensors.in = (int8_t *)file.data;
    tensors.out = arena_alloc(&stage->arena, tensors.n * tensors.out_bytes);
    rc = run_firmware(stage, folder, machine, timeout_of(stage, command), &tensors, &stack_used);
    if (!rc)
        rc = file_write(command->output, tensors.out, tensors.n * tensors.out_bytes);
    if (!rc && command->cycles)
        rc = emulate_cycles(stage, folder, command);
    return rc;
}

static int prepare_images(struct stage *stage, const struct network *network, int n, struct tensors *tensors, int **labels)
{
    const struct qmodel *q = network->qmodel;
    struct dataset *images;
    int r = network->resolution;
    int rc = network_check_images(network);
    if (!rc)
        rc = stage_dataset_limited(stage, SPLIT_VAL, network->classes, n, &images);
    if (rc)
        return rc;
    tensors->n = dataset_count(images);
    float *pixels = malloc((size_t)r * r * 3 * sizeof *pixels);
    if (!pixels)
        die("out of memory");
    tensors->in = arena_alloc(&stage->arena, tensors->n * tensors->in_bytes);
    tensors->out = arena_alloc(&stage->arena, tensors->n * tensors->out_bytes);
    tensors->expected = arena_alloc(&stage->arena, tensors->n * tensors->out_bytes);
    *labels = ARENA_ARRAY(&stage->arena, int, tensors->n);
    for (int i = 0; i < tensors->n && !rc; i++) {
        (*labels)[i] = dataset_label(images, i);
        rc = dataset_load(images, i, 1, &network->preprocess, r, pixels, 1);
        if (!rc)
            qexec_quantize_input(q, pixels, tensors->in + i * tensors->in_bytes);
    }
    free(pixels);
    dataset_close(images);
    if (!rc)
        rc = qexec_run_batch(q, tensors->in, tensors->n, tensors->expected, stage->threads);
    return rc;
}

static int compare(const struct tensors *tensors)
{
    for (int i = 0; i < tensors->n; i++)
        for (int64_t k = 0; k < tensors->out_bytes; k++) {
            int host = tensors->expected[i * tensors->out_bytes + k], device = tensors->out[i * tensors->out_bytes + k];
            if (host != device)
                return error_differ("firmware and host differ first at image %d, logit %lld: %d on the device, %d on the host", i,
                                    (long long)k, device, host);
        }
    return 0;
}

static int emulate_images(struct stage *stage, const char *folder, const char *model, const struct emulate_command *command, bool of_run)
{
    struct network network;
    struct tensors tensors = {0};
    const char *machine;
    int *labels;
    int64_t stack_used;
    int rc = network_load(&network, model, stage->recipe.top.preprocess, true, &stage->arena);
    if (rc)
        return rc;
    if (!network.qmodel)
        return error_input("'%s' is a float network; the firmware is int8", model);
    rc = project_facts(stage, folder, &machine, &tensors);
    const struct qmodel *q = network.qmodel;
    if (!rc && (qtensor_bytes(&q->tensors[q->input]) != tensors.in_bytes || qtensor_bytes(&q->tensors[q->output]) != tensors.out_bytes))
        rc = error_input("'%s' is not the network that '%s' was generated from: their inputs or outputs differ", model, folder);
    if (!rc)
        rc = prepare_images(stage, &network, command->images ? command->images : stage->recipe.emulate.images, &tensors, &labels);
    if (!rc)
        rc = run_firmware(stage, folder, machine, timeout_of(stage, command), &tensors, &stack_used);
    json_t *cycles = NULL;
    if (!rc)
        rc = compare(&tensors);
    if (!rc && (command->cycles || (of_run && cost_needed(&stage->recipe))))
        rc = estimate(&cycles, stage, folder, command);
    if (rc)
        return rc;
    struct accuracy accuracy = {0};
    for (int i = 0; i < tensors.n; i++)
        accuracy_count_int8(&accuracy, tensors.out + i * tensors.out_bytes, network.classes, labels[i]);
    json_t *result = stage_artifact(stage, "run");
    json_object_set_new(result, "machine", json_string(machine));
    json_object_set_new(result, "model_sha256", json_string(network.sha256));
    json_object_set_new(result, "images", json_integer(tensors.n));
    json_object_set_new(result, "identical", json_true());
    json_object_set_new(result, "logits_sha256", json_string(sha256_of(tensors.out, tensors.n * tensors.out_bytes).hex));
    json_object_set_new(result, "top1", json_real(accuracy_top1(&accuracy)));
    json_object_set_new(result, "stack_used_bytes", json_integer(stack_used));
    if (cycles)
        json_object_set_new(result, "estimate", cycles);
    if (of_run)
        rc = json_write(stage_path(stage, "run.json"), result);
    if (!rc && stage->json)
        rc = json_print(result);
    else if (!rc && !of_run)
        printf("%d images: logits equal the host's bit for bit; top-1 %.2f %%; stack used %lld bytes\n", tensors.n,
               accuracy_top1(&accuracy), (long long)stack_used);
    if (!rc && command->cycles && !stage->json)
        estimate_print(cycles);
    json_decref(result);
    return rc;
}

int cmd_emulate(int argc, char **argv)
{
    struct stage stage = STAGE_INIT;
    struct emulate_command c = {0};
    const struct option_spec options[] = {
        OPTION_STRING(0, "input", "FILE", &c.input, "raw int8 input tensors (h, w, c), one after the other"),
        OPTION_STRING('o', "output", "PATH", &c.output, "file for the raw int8 output tensors; with a recipe, the run's folder"),
        STAGE_INPUT_OPTIONS(stage),
        OPTION_STRING(0, "model", "INT8.onnx", &c.model, "compare with this network on the host"),
        OPTION_INT(0, "images", "N", &c.images, "validation images to run (default 16)"),
        OPTION_FLAG(0, "cycles", &c.cycles, "estimate cycles, ms and energy of one inference on the board"),
        OPTION_INT(0, "timeout", "S", &c.timeout, "seconds before the emulator is stopped (default 900)"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (argc < 1)
        return error_usage("emulate: name a generated project or a recipe");
    if (c.output && !c.input)
        stage.folder = c.output;
    rc = stage_start(&stage, argc, argv);
    if (!rc && !stage.operand)
        rc = emulate_images(&stage, stage_path(&stage, "firmware"), stage_path(&stage, "int8.onnx"), &c, true);
    else if (!rc && c.model)
        rc = emulate_images(&stage, stage.operand, c.model, &c, false);
    else if (!rc)
        rc = emulate_raw(&stage, stage.operand, &c);
    stage_end(&stage);
    return rc;
}
