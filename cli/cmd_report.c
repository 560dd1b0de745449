/* mcunet report: one HTML page about a run folder. */
#include <stdio.h>

#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "cli/commands.h"
#include "cli/report_html.h"
#include "cli/stage.h"
#include "cli/summary.h"

static const char usage[] = "mcunet report DIR [options]\n"
                            "       mcunet report RECIPE.yml -o DIR";

int cmd_report(int argc, char **argv)
{
    struct stage stage = STAGE_INIT;
    const struct option_spec options[] = {STAGE_OPTIONS(stage), OPTION_END};
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (argc < 1)
        return error_usage("report: which folder?");
    rc = stage_start(&stage, argc, argv);
    if (!rc) {
        const char *folder = stage.operand ? stage.operand : stage.folder;
        struct strbuf page = STRBUF_INIT;
        rc = report_html(&page, folder, &stage.arena);
        if (!rc)
            rc = file_write_if_changed(path_join(&stage.arena, folder, "report.html"), strbuf_text(&page), page.length, NULL);
        strbuf_release(&page);
        if (!rc && stage.operand)
            rc = summary_print(folder, stage.json, &stage.arena);
    }
    stage_end(&stage);
    return rc;
}
