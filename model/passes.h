/*
 * passes.h - free functions that rewrite a model in place, each keeping its answers (up to rounding).
 */
#ifndef MODEL_PASSES_H
#define MODEL_PASSES_H

struct model;

/* Conv -> BatchNormalization becomes Conv with scaled weights and a bias. Fails (error_input) on a BN whose
 * producer is not a single-use Conv. Works on shape-only models too. */
int pass_fold_batch_norm(struct model *model);
/* Moves a single-use Clip/HardSwish/... after Conv, Gemm, Add, Mul into node.act. Also x*HardSigmoid(x)
 * and x*Clip(x+3,0,6)/6 -> HardSwish. Removes what dies with that. */
int pass_fuse_activations(struct model *model);
/* The form that quantization and planning start from: Pad(0) before Conv -> window pads; constants added to
 * Conv or Gemm -> bias; ReduceMean over h,w and full-window AveragePool -> GlobalAveragePool (and Flatten);
 * Transpose that moves no data -> Reshape; chains of views -> one; (n, h, w, c) to (n, hwc) -> Flatten with
 * axis 1, a view of the same shape -> nothing; ONNX-ordered Flatten before Gemm -> permuted Gemm weights.
 * Runs pass_remove_dead. */
int pass_canonicalize(struct model *model);
/* Add, Sub and Mul of a feature map and one constant per channel -> weights and bias of the Conv before, or a
 * depthwise Conv of one tap. Runs pass_canonicalize. Not for what was quantized already: there every operator
 * rounds. */
int pass_channel_constants(struct model *model);
/* Drops Identity, unreachable nodes and unused tensors; renumbers ids. */
int pass_remove_dead(struct model *model);
/* All of the above in the right order: what inference, quantization and planning start from. */
int passes_for_inference(struct model *model);

#endif
