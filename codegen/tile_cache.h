/*
 * tile_cache.h - batches of depthwise convolutions that fit the board's data cache. Private to codegen/.
 */
#ifndef CODEGEN_TILE_CACHE_H
#define CODEGEN_TILE_CACHE_H

struct board;
struct qmodel;
struct schedule;

/*
 * A depthwise kernel goes through a batch's input and output rows once per four channels, a cache line holds
 * eight such groups: rows that do not stay in the data cache (Cortex-M7) are fetched up to eight times. Where
 * fewer rows a batch would stay, and that saves more than it costs, the tile is made smaller and
 * schedule.instructions adjusted; offsets stay. Boards without such a cache, or without known timing, keep
 * what the planner chose.
 */
void fit_batches_to_cache(struct schedule *schedule, const struct qmodel *qmodel, const struct board *board);

#endif
