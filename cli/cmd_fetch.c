/*
 * cmd_fetch.c - mcunet fetch: downloads a known set of images.
 */
#include "base/error.h"
#include "base/options.h"
#include "cli/commands.h"
#include "datasets/fetch.h"

static const char usage[] =
    "mcunet fetch NAME... [options]\n\n"
    "Downloads sets of images that mcunet knows (`mcunet datasets` lists them), checks them,\n"
    "and prints where they lie. A set that is there already is only checked; a download that\n"
    "was cut off goes on where it stopped.";

int cmd_fetch(int argc, char **argv)
{
    bool quiet = false;
    const struct option_spec options[] = {
        OPTION_FLAG('q', "quiet", &quiet, "no progress"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (argc == 0)
        return error_usage("fetch: name a set (mcunet datasets lists them)");
    for (int i = 0; i < argc && !rc; i++)
        rc = dataset_fetch(argv[i], quiet);
    return rc;
}
