# What needs no network: sets that are rendered, that nobody may pass on, that nobody knows; one that lies there damaged.
export XDG_CACHE_HOME=$PWD/cache
run mcunet fetch
run mcunet fetch synthetic
run mcunet fetch imagenet
run mcunet fetch tiny-imagenet-100
run mcunet fetch xyzzy
mkdir -p cache/mcunet/datasets/tiny-imagenet-200
echo damaged > cache/mcunet/datasets/tiny-imagenet-200/tiny-imagenet-200.zip
run mcunet fetch tiny-imagenet-200 -q
run cat cache/mcunet/datasets/tiny-imagenet-200/tiny-imagenet-200.zip
