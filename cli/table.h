/*
 * table.h - tables of published figures with ours beside them: cli/tables/<name>.yml, and what `mcunet table`
 * adds.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct option_list;

/* What a figure is. */
enum figure_kind {
    FIGURE_MEASURED, /* on hardware, as published */
    FIGURE_ESTIMATE, /* latency by a cycle model; sizes are exact */
    FIGURE_ABSENT,   /* ours, but there is no such file here */
};

const char *figure_kind_name(enum figure_kind kind);

/* One line. 0: unknown, not published. */
struct figure {
    const char *net, *board, *engine; /* board "": any */
    enum figure_kind kind;
    double ms, error_percent, uj;    /* error_percent: of an estimated ms */
    double sram_kb, flash_kb;        /* ours: 1024 bytes; published ones do not say */
    double top1_float, top1_int8;    /* percent */
    int images;                      /* ours: that top1 is of; published: 0, the whole validation set */
    int64_t sram_bytes, flash_bytes; /* ours, exact */
    const char *note;                /* "", or why something is missing */
};

struct table_net {
    const char *name;
    const char *const *files; /* names it goes by, first choice first */
    int n_files;
    const char *data, *preprocess; /* images in the data folder, "": none; how they enter the network */
};

struct table {
    const char *name, *title, *source;
    struct table_net *nets;
    int n_nets;
    const char *const *boards, *const *optimize; /* that ours are computed for */
    int n_boards, n_optimize;
    struct figure *published;
    int n_published;
};

/* A shipped table. Unknown: error_input naming what there is. */
int table_read(struct table *out, const char *name, struct arena *arena);

/* How ours are computed. */
struct table_options {
    const char *folder; /* of the networks and images: files lie in it or in its models/ */
    const struct option_list *boards, *sets;
    bool estimate; /* build and estimate latency */
    int images;    /* of the accuracy; 0: none */
    int threads;
    bool quiet;
};

/* Our lines for one net: one for each board and plan, or one that says that the net is absent. What does not
 * fit a board, or needs a tool that is not installed, is told once on stderr and noted in the line. */
int table_ours(struct figure **out, int *n, const struct table *table, const struct table_net *net,
               struct table_options *options, struct arena *arena);

#endif
