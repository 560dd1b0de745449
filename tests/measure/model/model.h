/* model.h - a stand-in for a generated model: output byte i is input byte i with all bits turned. See
 * device.c. */
#ifndef MCU_MODEL_H
#define MCU_MODEL_H

#include <stdint.h>

#define MCU_INPUT_BYTES  300
#define MCU_OUTPUT_BYTES 300
#define MCU_ARENA_BYTES  600
#define MCU_LAYERS       35

int8_t *mcu_model_input(void);
const int8_t *mcu_model_output(void);
void mcu_model_run(void);

#endif
