# The known sets, and export: the same bytes each time, labels that survive, wrong requests.
export XDG_CACHE_HOME=$PWD/cache
run mcunet datasets
run mcunet datasets export synthetic --split val --images 20 --size 48 -o once/val -q
run mcunet datasets export synthetic --split val --images 20 --size 48 -o again/val -q
run diff -r once again
run sh -c 'ls once/val'
run sh -c 'cat once/val/*/*.png | sha256sum'
run mcunet datasets export once/val -o twice -q
run sh -c 'ls twice'
run mcunet datasets export synthetik -o x
run mcunet datasets export ./nowhere -o x
run mcunet datasets export synthetic
run mcunet datasets export synthetic -o x --split test
run mcunet datasets export synthetic -o x --size 8
run mcunet datasets exprot synthetic -o x
# One corrupt image: its name, and no crash.
printf 'not a picture' > once/val/3_fish/000003.png
run mcunet datasets export once/val -o x -q
# A file where the folder should be.
echo > file
run mcunet datasets export synthetic --images 1 -o file/below -q
