/*
 * network.h - a network named on the command line, whatever its form.
 */
#ifndef CLI_NETWORK_H
#define CLI_NETWORK_H

#include <stdbool.h>

#include "datasets/preprocess.h"

struct arena;
struct dataset;
struct model;
struct qmodel;
struct subnet;
struct supernet;

struct network {
    const char *path;
    struct model *model;   /* float, ready for inference; or NULL */
    struct qmodel *qmodel; /* int8; or NULL */
    struct preprocess preprocess;
    bool preprocess_known; /* it came with the network or from --preprocess; else MCUNet's is assumed */
    int resolution; /* of an input (1, r, r, 3); 0: it takes something else than images */
    int classes;
    char sha256[65];
};

/*
 * Reads a float .onnx, a QDQ .onnx, or a .tflite of either kind (by its bytes, not its name). preprocess: overrides the network's own; NULL or "": none. A supernet file is error_usage: it
 * needs a subnet (network_from_subnet). What was assumed is printed to stderr unless quiet.
 */
int network_load(struct network *out, const char *path, const char *preprocess, bool quiet, struct arena *arena);

/*
 * Cuts a subnet, re-estimates its batch normalization on the first n images of `images` and folds it. The model carries
 * mcunet.preprocess, mcunet.classes and mcunet.subnet as metadata.
 */
int network_from_subnet(struct network *out, const struct supernet *supernet, const struct subnet *subnet,
                        const struct dataset *images, int n, int threads, struct arena *arena);

/* error_input unless the network takes images: what evaluating and calibrating on a dataset need. */
int network_check_images(const struct network *network);

/* The input transform a supernet or model file carries; out keeps MCUNet's when there is none (*known false). */
int network_preprocess(struct preprocess *out, bool *known, const struct model *model, const char *override);

#endif
