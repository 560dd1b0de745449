# The boards, as text and JSON; an unknown one; a board file of one's own that is wrong; checks beyond loading.
run mcunet boards
run mcunet boards stm32f746
run mcunet boards stm32u575
run mcunet boards stm32f746 --json
run mcunet boards stm32f747
sed 's/^clock_mhz:.*/clock_mhz: fast/' "$ROOT/boards/stm32f746.yml" > mine.yml
run mcunet boards ./mine.yml
sed 's/^clock_mhz:/clock_mzh:/' "$ROOT/boards/stm32f746.yml" > mine.yml
run mcunet boards ./mine.yml
run mcunet boards ./nowhere.yml
run mcunet boards check
run mcunet boards check stm32l4r5 stm32f746 --json
sed 's/^name:.*/name: mine/' "$ROOT/boards/stm32f746.yml" > mine.yml
run mcunet boards check ./mine.yml
sed -i '/^  mispredict_cycles:/d' mine.yml
run mcunet boards check ./mine.yml
sed 's/^name:.*/name: mine/; s/^port:.*/port: stm32f9/' "$ROOT/boards/stm32f746.yml" > mine.yml
run mcunet boards check ./mine.yml
sed 's/^name:.*/name: mine/; /^port:/d; /^uart_/d; s/^  uart:.*/  uart: none/; /^  timing:/,/^  flashing:/{/^  flashing:/!d}' "$ROOT/boards/stm32f746.yml" > mine.yml
run mcunet boards check ./mine.yml
sed 's/^name:.*/name: mine/; s/name: ITCM, kind: ram, origin: 0x00000000/name: ITCM, kind: ram, origin: 0x20000000/' "$ROOT/boards/stm32f746.yml" > mine.yml
run mcunet boards check ./mine.yml stm32f746
run mcunet boards stm32f746 stm32f412
