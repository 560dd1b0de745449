/*
 * passes.h - free functions that rewrite a model in place, each keeping its answers (up to rounding).
 */
#ifndef MODEL_PASSES_H
#define MODEL_PASSES_H

struct model;

/* Conv -> BatchNormalization becomes Conv with scaled weights and a bias. Fails (error_input) on a BN whose
 * producer is not a single-use Conv. Works on shape-only models too. */
int pass_fold_batch_norm(struct model *model);
/* Moves a single-use Clip/HardSwish/... after Conv, Gemm, Add, Mul into node.act. Also x*HardSigmoid(x) ->
 * HardSwish. */
int pass_fuse_activations(struct model *model);
/* Pad(0) before Conv -> window pads; ReduceMean over h,w and full-window AveragePool -> GlobalAveragePool;
 * Flatten/Reshape of (1,1,1,c); Transpose/Reshape that moves no data; Flatten of (h,w,c) before Gemm ->
 * permuted Gemm weights. */
int pass_canonicalize(struct model *model);
/* Drops Identity, unreachable nodes and unused tensors; renumbers ids. */
int pass_remove_dead(struct model *model);
/* All of the above in the right order: what inference, quantization and planning start from. */
int passes_for_inference(struct model *model);

#endif
