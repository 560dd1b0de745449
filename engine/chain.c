#include "chain.h"

/* The first input of a stage that lacks rows for its rows up to `last`: its stage, or -1; *need becomes the
 * rows it must have. */
static int32_t lacking(const struct mcu_chain *chain, const int16_t *done, int32_t stage, int32_t last,
                       int32_t *need)
{
    const struct mcu_chain_stage *s = &chain->stages[stage];
    const struct mcu_chain_input *input = chain->inputs + s->first_input;
    for (int32_t i = 0; i < s->n_inputs; i++, input++) {
        int32_t rows = last * input->stride + input->reach + 1;
        if (rows > chain->stages[input->stage].rows)
            rows = chain->stages[input->stage].rows;
        if (done[input->stage] < rows) {
            *need = rows;
            return input->stage;
        }
    }
    return -1;
}

void mcu_chain_run(const struct mcu_chain *chain, mcu_chain_call *call)
{
    int16_t done[MCU_CHAIN_MAX_STAGES]; /* rows computed */
    int16_t end[MCU_CHAIN_MAX_STAGES];  /* of the call that is being prepared */
    uint8_t asked_by[MCU_CHAIN_MAX_STAGES];
    const int32_t last = chain->n_stages - 1, rows = chain->stages[last].rows;
    for (int32_t i = 0; i <= last; i++)
        done[i] = 0;

    int32_t stage = last, need = rows;
    while (done[last] < rows) {
        /* `stage` has to reach `need` rows, in calls of rows_per_call */
        int32_t call_end = done[stage] + chain->stages[stage].rows_per_call;
        end[stage] = (int16_t)(call_end < need ? call_end : need);
        for (;;) {
            int32_t before = lacking(chain, done, stage, end[stage] - 1, &need);
            if (before >= 0) {
                asked_by[before] = (uint8_t)stage;
                stage = before;
                break;
            }
            const int32_t n = chain->stages[stage].rows;
            if (chain->bottom_up)
                call(stage, n - end[stage], n - done[stage]);
            else
                call(stage, done[stage], end[stage]);
            done[stage] = end[stage];
            if (stage == last) {
                need = rows;
                break;
            }
            stage = asked_by[stage]; /* asks again, for the rest or for another input */
        }
    }
}
