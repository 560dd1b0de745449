/*
 * sum_rows.h - sums of every channel over whole rows, for the kernels that average a map. Private to
 * engine/dsp/.
 */
#ifndef MCU_DSP_SUM_ROWS_H
#define MCU_DSP_SUM_ROWS_H

#include "../engine.h"

/* sums[i] (in->c) += the values of channel i in rows [y0, y1). */
void mcu_sum_rows(const struct mcu_map *in, int32_t y0, int32_t y1, int32_t *sums);

#endif
