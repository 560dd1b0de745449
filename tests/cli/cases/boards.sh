# The boards, as text and JSON; an unknown one; a board file of one's own that is wrong.
run mcunet boards
run mcunet boards stm32f746
run mcunet boards stm32f746 --json
run mcunet boards stm32f747
sed 's/^clock_mhz:.*/clock_mhz: fast/' "$ROOT/boards/stm32f746.yml" > mine.yml
run mcunet boards ./mine.yml
sed 's/^clock_mhz:/clock_mzh:/' "$ROOT/boards/stm32f746.yml" > mine.yml
run mcunet boards ./mine.yml
run mcunet boards ./nowhere.yml
