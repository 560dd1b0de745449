/*
 * nas_fixture_json.h - the description of the tests' tiny supernet.
 */
#ifndef TESTS_UNIT_NAS_FIXTURE_JSON_H
#define TESTS_UNIT_NAS_FIXTURE_JSON_H

static const char fixture_json[] =
    "{\"schema\": 1, \"name\": \"tiny\", \"classes\": 10, \"resolutions\": [16, 24, 32], \"widths\": [0.5, "
    "1.0], \"layers\": ["
    "{\"name\": \"stem\", \"kind\": \"conv\", \"kernel\": 3, \"stride\": 2, \"channels\": [8, 16], \"act\": "
    "\"relu6\"},"
    "{\"name\": \"first\", \"kind\": \"stage\", \"stride\": 1, \"channels\": [8, 8], \"depths\": [1], "
    "\"kernels\": [3], \"expands\": [1], \"act\": \"relu6\"},"
    "{\"name\": \"stage1\", \"kind\": \"stage\", \"stride\": 2, \"channels\": [8, 16], \"depths\": [1, 2, "
    "3], \"kernels\": [3, 5, 7],"
    " \"expands\": [3, 4, 6], \"act\": \"relu6\"},"
    "{\"name\": \"stage2\", \"kind\": \"stage\", \"stride\": 2, \"channels\": [16, 24], \"depths\": [1, 2], "
    "\"kernels\": [3, 5],"
    " \"expands\": [3, 6], \"act\": \"hswish\", \"se\": true},"
    "{\"name\": \"head\", \"kind\": \"conv\", \"kernel\": 1, \"stride\": 1, \"channels\": [24, 32], \"act\": "
    "\"relu\"},"
    "{\"name\": \"pool\", \"kind\": \"pool\"},"
    "{\"name\": \"classifier\", \"kind\": \"linear\"}]}";

enum { FIXTURE_CLASSES = 10, FIXTURE_SIZE = 32 };

#endif
