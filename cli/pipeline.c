#include "cli/pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/process.h"
#include "base/resource.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "cli/cost.h"
#include "cli/fingerprint.h"
#include "cli/preflight.h"
#include "cli/recipe.h"
#include "codegen/cost_table.h"
#include "codegen/emit.h"

/* A float network of the user's own replaces the artifact of the search. */
#define SUBNET "subnet.onnx"

struct pipeline_stage {
    const char *name, *title, *inputs, *outputs;
};

static const struct pipeline_stage stages[] = {
#define PIPELINE_STAGE(name, title, inputs, outputs) {#name, title, inputs, outputs},
#include "cli/stages.inc"
#undef PIPELINE_STAGE
};

enum { N_STAGES = sizeof stages / sizeof *stages };

static bool stage_applies(const struct pipeline_stage *stage, const struct recipe *recipe)
{
    return *recipe->top.supernet || (strcmp(stage->name, "space") && strcmp(stage->name, "search"));
}

const char *pipeline_stage_names(struct arena *arena)
{
    const char *names = "";
    for (int i = 0; i < N_STAGES; i++)
        names = arena_printf(arena, "%s%s%s", names, *names ? ", " : "", stages[i].name);
    return names;
}

int pipeline_stage_index(const char *name)
{
    int i = 0;
    while (i < N_STAGES && strcmp(name, stages[i].name))
        i++;
    return i;
}

int pipeline_check_stage(const char *name, struct arena *arena)
{
    if (pipeline_stage_index(name) < N_STAGES)
        return 0;
    return error_usage("--until '%s': no such stage; there are %s", name, pipeline_stage_names(arena));
}

/* What each stage reads of the recipe: section names, and of the outside world: board, supernet, images, compiler,
 * the engine's sources, which codegen copies. */
static const struct {
    const char *stage, *sections, *world;
} stage_reads[] = {
    {"space", "limits codegen space", "board supernet costs"},
    {"search", "limits codegen search quantize", "board supernet images costs"},
    {"quantize", "search quantize", "model images"},
    {"eval", "search quantize evaluate", "model images"},
    {"codegen", "limits codegen", "board engine"},
    {"build", "", "board compiler engine"},
    {"emulate", "search quantize emulate", "board images costs"},
    {"report", "expect", "board"},
};

static int add_fingerprint(struct strbuf *out, const char *what, const char *path)
{
    struct sha256 sha;
    int rc = fingerprint(&sha, path);
    if (!rc)
        strbuf_addf(out, "%s_sha256: %s\n", what, sha.hex);
    return rc;
}

/* Fingerprints of everything outside the recipe, computed once per run. */
struct world {
    const char *board, *supernet, *model, *images, *compiler, *engine;
    const char *costs; /* the table that latencies are predicted from; "": none is needed */
};

/* Fills the table where there is none yet: what the keys of a second run would find. */
static int world_costs(struct world *world, const struct recipe *recipe, struct arena *arena)
{
    struct board *board;
    struct cost_table table;
    world->costs = "";
    if (!cost_needed(recipe))
        return 0;
    int rc = board_load(&board, recipe_user_path(recipe->top.board, arena), arena);
    if (!rc)
        rc = cost_table_of_board(&table, board, false, arena);
    if (!rc)
        world->costs = arena_printf(arena, "cost_table_sha256: %s\n", table.sha256);
    return rc;
}

static int world_of(struct world *world, const struct recipe *recipe, struct arena *arena)
{
    const char *board = recipe->top.board, *supernet = "";
    int rc = *recipe->top.supernet ? supernet_path(&supernet, recipe->top.supernet, arena) : 0;
    if (rc)
        return rc;
    struct strbuf text = STRBUF_INIT;
    const char *shipped_board = resource_find(arena_printf(arena, "boards/%s.yml", board), arena);
    const struct {
        const char *what, *path;
        const char **out;
    } parts[] = {
        {"board", shipped_board ? shipped_board : recipe_user_path(board, arena), &world->board},
        {"supernet", supernet, &world->supernet},
        {"model", recipe_user_path(recipe->top.model, arena), &world->model},
        {"images", recipe_user_path(recipe->top.dataset, arena), &world->images},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !rc; i++) {
        strbuf_clear(&text);
        rc = add_fingerprint(&text, parts[i].what, parts[i].path);
        *parts[i].out = arena_strdup(arena, strbuf_text(&text));
    }
    strbuf_release(&text);
    if (rc)
        return rc;
    rc = world_costs(world, recipe, arena);
    struct sha256 engine;
    if (!rc)
        rc = emit_engine_sha256(&engine);
    if (rc)
        return rc;
    world->engine = arena_printf(arena, "engine_sha256: %s\n", engine.hex);
    world->compiler = "compiler: none\n";
    if (process_find("arm-none-eabi-gcc", arena)) {
        const char *argv[] = {"arm-none-eabi-gcc", "-dumpfullversion", NULL};
        struct process gcc = {.argv = argv, .capture = true, .timeout_s = 20};
        rc = process_run(&gcc, arena);
        if (!rc)
            world->compiler = arena_printf(arena, "compiler: arm-none-eabi-gcc %s", gcc.out);
    }
    return rc;
}

static int write_keys(const struct recipe *recipe, const struct world *world, const char *folder, struct arena *arena)
{
    int rc = folder_create(path_join(arena, folder, "keys"));
    struct strbuf text = STRBUF_INIT;
    for (size_t i = 0; i < sizeof stage_reads / sizeof *stage_reads && !rc; i++) {
        strbuf_clear(&text);
        strbuf_addf(&text, "# what stage %s depends on, besides artifacts of earlier stages\n", stage_reads[i].stage);
        strbuf_addf(&text, "mcunet: %s\nseed: %d\nclasses: %d\npreprocess: \"%s\"\n", MCUNET_VERSION, recipe->top.seed,
                    recipe->top.classes, recipe->top.preprocess);
        const struct {
            const char *what, *text;
        } parts[] = {{"board", world->board},
                     {"supernet", world->supernet},
                     {"model", world->model},
                     {"images", world->images},
                     {"compiler", world->compiler},
                     {"engine", world->engine},
                     {"costs", world->costs}};
        for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
            if (strstr(stage_reads[i].world, parts[p].what))
                strbuf_adds(&text, parts[p].text);
        char *sections = arena_strdup(arena, stage_reads[i].sections), *rest = sections;
        for (char *section; (section = strsep(&rest, " "));)
            if (*section)
                recipe_print(recipe, section, &text);
        const char *name = arena_printf(arena, "keys/%s.yml", stage_reads[i].stage);
        rc = file_write_if_changed(path_join(arena, folder, name), strbuf_text(&text), text.length, NULL);
    }
    strbuf_release(&text);
    return rc;
}

static void print_edges(const struct recipe *recipe, struct strbuf *out)
{
    strbuf_adds(out, "# written by mcunet run; MCUNET_EXE, MCUNET_WORKDIR and MCUNET_THREADS come from its environment\n"
                     "ninja_required_version = 1.5\n\n"
                     "rule stage\n"
                     "  command = exec \"$$MCUNET_EXE\" $stage recipe.yml -o .\n"
                     "  description = $stage: $title\n"
                     "  restat = 1\n"
                     "  pool = console\n");
    for (int i = 0; i < N_STAGES; i++) {
        const struct pipeline_stage *stage = &stages[i];
        if (!stage_applies(stage, recipe))
            continue;
        const char *inputs = stage->inputs;
        if (*recipe->top.model && !strncmp(inputs, SUBNET, strlen(SUBNET)))
            inputs += strlen(SUBNET);
        strbuf_addf(out, "\nbuild %s: stage keys/%s.yml %s || recipe.yml\n  stage = %s\n  title = %s\n", stage->outputs,
                    stage->name, inputs, stage->name, stage->title);
        strbuf_addf(out, "build %s: phony %s\n", stage->name, stage->outputs);
    }
    strbuf_adds(out, "\ndefault report\n");
}

int pipeline_write(const struct recipe *recipe, const char *folder, struct arena *arena)
{
    struct world world;
    int rc = folder_create(folder);
    if (!rc)
        rc = world_of(&world, recipe, arena);
    if (!rc)
        rc = write_keys(recipe, &world, folder, arena);
    if (rc)
        return rc;
    struct strbuf text = STRBUF_INIT;
    strbuf_adds(&text, "# the recipe of this folder with every key, as `mcunet run` resolved it\n");
    recipe_print(recipe, NULL, &text);
    rc = file_write_if_changed(path_join(arena, folder, "recipe.yml"), strbuf_text(&text), text.length, NULL);
    strbuf_clear(&text);
    print_edges(recipe, &text);
    if (!rc)
        rc = file_write_if_changed(path_join(arena, folder, "build.ninja"), strbuf_text(&text), text.length, NULL);
    strbuf_release(&text);
    return rc;
}

/* The exit code that a stage left behind (pipeline_stage_end), or 1. */
static int failed_stage_code(const char *folder, struct arena *arena)
{
    struct file file;
    const char *path = path_join(arena, folder, ".failed");
    if (!file_exists(path) || file_read(&file, path, 16, arena))
        return error("ninja failed in '%s'", folder);
    unlink(path);
    int code = atoi((const char *)file.data);
    return code > 0 && code < 256 ? code : EXIT_IO;
}

static int set_environment(const struct pipeline_run *run)
{
    char exe[4096], cwd[4096], threads[16];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n < 0 || !getcwd(cwd, sizeof cwd))
        return error("cannot find the path of mcunet itself: %s", strerror(errno));
    exe[n] = '\0';
    snprintf(threads, sizeof threads, "%d", run->jobs);
    setenv("MCUNET_EXE", exe, 1);
    setenv("MCUNET_WORKDIR", cwd, 0);
    if (run->jobs > 0)
        setenv("MCUNET_THREADS", threads, 1);
    if (run->quiet)
        setenv("MCUNET_QUIET", "1", 1);
    setenv("OMP_WAIT_POLICY", "passive", 0); /* threads that spin at barriers starve each other on a busy machine */
    return 0;
}

/* Ninja's own stdout ("FAILED: ...", "no work to do") would only repeat what the stages and `run` say: it is captured with the
 * stages' results; their progress and messages go to stderr, which passes through. */
static int run_ninja(const struct pipeline_run *run, char **out, int *code, struct arena *arena)
{
    char jobs[16];
    snprintf(jobs, sizeof jobs, "-j%d", run->jobs > 0 ? run->jobs : 1);
    const char *argv[10] = {"ninja", "-C", run->folder, jobs};
    int n = 4;
    if (run->dry_run)
        argv[n++] = "-n";
    if (run->until)
        argv[n++] = run->until;
    int pipes[2];
    if (pipe(pipes))
        return error("cannot open a pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        return error("cannot start ninja: %s", strerror(errno));
    if (pid == 0) {
        /* No Ninja goes on without us; pipeline_stage_begin does the same for stages. SIGTERM would wait for the stage. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("MCUNET_STAGE", "1", 1);
        dup2(pipes[1], STDOUT_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    close(pipes[1]);
    struct strbuf text = STRBUF_INIT;
    char buffer[4096];
    for (ssize_t got; (got = read(pipes[0], buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR);)
        if (got > 0)
            strbuf_add(&text, buffer, got);
    close(pipes[0]);
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    *out = arena_strdup(arena, strbuf_text(&text));
    strbuf_release(&text);
    return 0;
}

void pipeline_stage_begin(void)
{
    if (getenv("MCUNET_STAGE"))
        prctl(PR_SET_PDEATHSIG, SIGTERM);
}

void pipeline_stage_end(int rc)
{
    if (!getenv("MCUNET_STAGE") || rc == EXIT_DONE)
        return;
    FILE *file = fopen(".failed", "w");
    if (file) { /* best effort: on a full disk `run` ends with 1 */
        fprintf(file, "%d\n", rc);
        fclose(file);
    }
}

/* One run at a time in a folder. *fd is held until the end; file systems without locks have none. */
static int lock_folder(const char *folder, int *fd)
{
    *fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd >= 0 && flock(*fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(*fd);
        return error("another `mcunet run` is at work in '%s'", folder);
    }
    return 0;
}

int pipeline_run(struct pipeline_run *run, struct arena *arena)
{
    int rc = set_environment(run), code, lock;
    char *out;
    if (!rc)
        rc = lock_folder(run->folder, &lock);
    if (rc)
        return rc;
    unlink(path_join(arena, run->folder, ".failed"));
    rc = run_ninja(run, &out, &code, arena);
    if (lock >= 0)
        close(lock);
    if (rc)
        return rc;
    run->idle = strstr(out, "no work to do") != NULL;
    if (run->dry_run)
        for (char *line; (line = strsep(&out, "\n"));)
            if (*line == '[' && strchr(line, ']'))
                printf("%s\n", strchr(line, ']') + 2);
    return code ? failed_stage_code(run->folder, arena) : 0;
}
