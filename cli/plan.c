#include "cli/plan.h"

#include <string.h>

#include "base/error.h"
#include "boards/board.h"
#include "cli/recipe.h"
#include "codegen/footprint.h"
#include "codegen/layouts.h"
#include "codegen/schedule.h"
#include "nas/space.h"

static enum optimize optimize_of(const char *text)
{
    return !strcmp(text, "latency") ? OPTIMIZE_LATENCY : !strcmp(text, "balanced") ? OPTIMIZE_BALANCED : OPTIMIZE_SRAM;
}

static int check_limit(const char *what, const char *memory, long long needs, long long limit)
{
    if (!limit || needs <= limit)
        return 0;
    return error_fit("%s needs %lld bytes of %s, the recipe's limit is %lld: %lld too many", what, needs, memory, limit, needs - limit);
}

/* What the arena may take: the tighter limit, less what lies beside the arena. Where the arena has a region of its own, the stack is elsewhere. */
static int64_t arena_limit(const struct limits *limits, const struct board *board)
{
    const struct memory_region *arena = board_region(board, "arena");
    int64_t beside = FIRMWARE_STACK_BYTES + FIRMWARE_RUNTIME_BYTES, limit = board->sram_bytes - beside;
    if (arena && arena != board_region(board, "stack"))
        limit = arena->bytes;
    if (limits->sram_bytes && limits->sram_bytes - beside < limit)
        limit = limits->sram_bytes - beside;
    return limit > 0 ? limit : 1; /* 0 is no limit */
}

int limits_for_board(struct limits *limits, const struct recipe *recipe, const struct board *board)
{
    int rc = recipe_limits(recipe, limits);
    limits->plan = (struct plan_options){
        .optimize = optimize_of(recipe->codegen.optimize),
        .sram_limit_bytes = arena_limit(limits, board),
        .fusion = strcmp(recipe->codegen.fusion, "off") != 0,
    };
    return rc;
}

int plan_for_board(struct schedule *schedule, struct footprint *footprint, const struct qmodel *qmodel, const struct board *board,
                   const struct recipe *recipe, const char *what, struct arena *arena)
{
    struct limits limits;
    int rc = limits_for_board(&limits, recipe, board);
    if (rc)
        return rc;
    int64_t flash_bytes = board->flash_bytes - FIRMWARE_FLASH_MARGIN_BYTES;
    if (limits.flash_bytes && limits.flash_bytes < flash_bytes)
        flash_bytes = limits.flash_bytes;
    schedule_for_board(schedule, footprint, qmodel, board, &limits.plan, flash_bytes, arena);
    rc = schedule_check(schedule, qmodel);
    if (rc)
        return rc;
    rc = footprint_check(footprint, board, what);
    if (!rc)
        rc = check_limit(what, "SRAM", footprint->sram_bytes, limits.sram_bytes);
    if (!rc)
        rc = check_limit(what, "flash", footprint->flash_bytes, limits.flash_bytes);
    return rc;
}

json_t *footprint_figures(const struct footprint *f)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "arena_bytes", (json_int_t)f->arena_bytes, "stack_bytes",
                     (json_int_t)f->stack_bytes, "runtime_bytes", (json_int_t)f->runtime_bytes, "sram_bytes",
                     (json_int_t)f->sram_bytes, "weights_bytes", (json_int_t)f->weights_bytes, "constants_bytes",
                     (json_int_t)f->constants_bytes, "code_bytes", (json_int_t)f->code_bytes, "flash_bytes",
                     (json_int_t)f->flash_bytes);
}
