/* Any text against a schema with every kind of value: yaml_parse() gives a value that can be freed, or
 * refuses the text with exit code 3. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/yaml.h"
#include "fuzz.h"

struct part {
    char *name, *note;
    uint32_t origin;
    int8_t small;
    double ratio;
    bool on;
    int mode;
};

struct thing {
    char *name;
    int64_t clock;
    struct part *parts;
    unsigned parts_count;
    struct part main;
    int pair[2];
};

static const cyaml_strval_t modes[] = {{"sram", 0}, {"latency", 1}};
static const cyaml_schema_value_t number = {CYAML_VALUE_INT(CYAML_FLAG_DEFAULT, int)};
static const cyaml_schema_field_t part_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct part, name, 1, 8),
    CYAML_FIELD_STRING_PTR("note", CYAML_FLAG_POINTER_NULL_STR | CYAML_FLAG_OPTIONAL, struct part, note, 0,
                           80),
    CYAML_FIELD_UINT("origin", CYAML_FLAG_DEFAULT, struct part, origin),
    CYAML_FIELD_INT("small", CYAML_FLAG_OPTIONAL, struct part, small),
    CYAML_FIELD_FLOAT("ratio", CYAML_FLAG_OPTIONAL, struct part, ratio),
    CYAML_FIELD_BOOL("on", CYAML_FLAG_OPTIONAL, struct part, on),
    CYAML_FIELD_ENUM("mode", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct part, mode, modes, 2),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t part = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct part, part_fields)};
static const cyaml_schema_field_t thing_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct thing, name, 0, CYAML_UNLIMITED),
    CYAML_FIELD_INT("clock", CYAML_FLAG_OPTIONAL, struct thing, clock),
    CYAML_FIELD_SEQUENCE("parts", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct thing, parts, &part, 1, 3),
    CYAML_FIELD_MAPPING("main", CYAML_FLAG_OPTIONAL, struct thing, main, part_fields),
    CYAML_FIELD_SEQUENCE_FIXED("pair", CYAML_FLAG_OPTIONAL, struct thing, pair, &number, 2),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct thing, thing_fields)};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *thing = NULL;
    const int rc = yaml_parse(&thing, (const char *)data, size, "fuzz.yml", &schema);
    if (rc == 0)
        yaml_release(&schema, thing);
    else if (rc != EXIT_INPUT || thing)
        die("exit code %d", rc);
    return 0;
}
