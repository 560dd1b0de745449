/*
 * commands.h - what a subcommand is.
 *
 * A command parses its options (base/options.h), calls libraries, prints results on stdout, and returns an
 * exit code of base/error.h. argv[0] is the command's name. Everything it needs is in its own arena; nothing
 * is kept between commands.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#define COMMAND_GROUP(heading)
#define COMMAND(name, summary) int cmd_##name(int argc, char **argv);
#include "cli/commands.inc"
#undef COMMAND
#undef COMMAND_GROUP

#endif
