// Runs the networks that tflite_cases.c wrote through TensorFlow Lite and compares.
//
//     node tflite_compare.cjs WASM_FOLDER CASES_FOLDER
//
// The package is made for browsers: it looks for `window` to find its files, which are given to it here.
const fs = require('fs');
const path = require('path');
const [wasm, folder] = [path.resolve(process.argv[2]), process.argv[3]];
globalThis.window = globalThis;
globalThis.document = {currentScript: {src: 'file:///'}};
globalThis.location = {href: 'file:///'};
const load = require(path.join(wasm, 'tflite_web_api_cc.js'));

function int8(file) {
    const bytes = fs.readFileSync(file);
    return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function run(module, net, input) {
    const at = module._malloc(net.length);
    module.HEAPU8.set(net, at);
    const made = module.TFLiteWebModelRunner.CreateFromBufferAndOptions(
        at, net.length, {numThreads: 1, enableProfiling: false, maxProfilingBufferEntries: 0});
    if (!made.ok())
        throw Error(made.errorMessage());
    const runner = made.value();
    runner.GetInputs().get(0).data().set(input);
    if (!runner.Infer())
        throw Error('inference failed');
    const output = Int8Array.from(runner.GetOutputs().get(0).data());
    runner.delete();
    module._free(at);
    return output;
}

(async () => {
    const quiet = () => {};
    const module = await load({wasmBinary: fs.readFileSync(path.join(wasm, 'tflite_web_api_cc.wasm')), print: quiet, printErr: quiet});
    const lines = fs.readFileSync(path.join(folder, 'cases.txt'), 'utf8').trim().split('\n');
    let failures = 0, values = 0, off = 0;
    for (const line of lines) {
        const [id, steps, name] = line.split('\t');
        const expected = int8(path.join(folder, `${id}.out`));
        let got, worst = 0;
        try {
            got = run(module, fs.readFileSync(path.join(folder, `${id}.tflite`)), int8(path.join(folder, `${id}.in`)));
        } catch (error) {
            console.log(`FAIL: ${name}: ${error.message ?? error}`);
            failures++;
            continue;
        }
        if (got.length !== expected.length)
            worst = Infinity;
        for (let i = 0; i < got.length; i++) {
            const step = Math.abs(got[i] - expected[i]);
            off += step > 0;
            worst = Math.max(worst, step);
        }
        values += got.length;
        if (worst > Number(steps)) {
            console.log(`FAIL: ${name}: differs by ${worst} steps, at most ${steps} expected`);
            failures++;
        }
    }
    console.log(`${lines.length} networks, ${values} values, ${off} of them a step apart (where a step is allowed); ${failures} failed`);
    process.exit(failures ? 1 : 0);
})();
