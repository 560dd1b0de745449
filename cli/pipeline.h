/*
 * pipeline.h - the pipeline as a build.ninja: Ninja orders the stages, skips what is unchanged, resumes after a crash.
 *
 * The output folder gets
 *
 *     recipe.yml          every key with its value, after --set
 *     keys/<stage>.yml    what the stage depends on besides earlier artifacts: its recipe sections, tool version and the SHA-256 of
 *                         board, supernet, model, images; compiler version. Written only when changed.
 *     build.ninja         edges: keys/<stage>.yml + inputs -> mcunet <stage> recipe.yml -o . -> outputs
 *
 * None of them holds a path of this machine, the time or the thread count: those go through the environment (MCUNET_EXE, MCUNET_WORKDIR,
 * MCUNET_THREADS, MCUNET_STAGE).
 */
#ifndef CLI_PIPELINE_H
#define CLI_PIPELINE_H

#include <stdbool.h>

struct arena;
struct recipe;

/* Writes the files above into folder. */
int pipeline_write(const struct recipe *recipe, const char *folder, struct arena *arena);

struct pipeline_run {
    const char *folder, *until; /* until: a stage, or NULL */
    int jobs;
    bool dry_run, quiet;
    bool idle; /* result: nothing needed doing */
};

/* Runs Ninja. The exit code of a stage that failed is passed on; its message has been printed by the stage itself. */
int pipeline_run(struct pipeline_run *run, struct arena *arena);

/* What a stage does when Ninja runs it for `mcunet run` (else nothing): it ends when Ninja does, also by kill -9, so that no stage
 * writes beside the next run's; and a failed one leaves its exit code, which Ninja does not pass on. */
void pipeline_stage_begin(void);
void pipeline_stage_end(int rc);

/* "space, search, ..." for messages and help. */
const char *pipeline_stage_names(struct arena *arena);
/* Place of a stage in the order; past the last one for a name that is none. */
int pipeline_stage_index(const char *name);
/* error_usage for a name that is no stage. */
int pipeline_check_stage(const char *name, struct arena *arena);

#endif
