// Runs the cases of qdq_cases.c through ONNX Runtime: node qdq_compare.cjs FOLDER
//
// ONNX Runtime rounds once, in float; TFLite (and so the engine) twice, in fixed point. Per layer 0.4 % of the values differ by one
// step, and through a deep network that becomes noise of the size of the quantization noise itself. So: small nets agree within few
// steps; a real net has the same accuracy, and the same answer for almost every image.
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');

const MAX_STEPS = 4, MEAN_STEPS = 0.6, AGREE = 0.9, ACCURACY = 0.03;

function contents(file) {
    const bytes = fs.readFileSync(file);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

function argmax(values) {
    let best = 0;
    for (let i = 1; i < values.length; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

async function compare(folder, line) {
    const [name, network, ...numbers] = line.split('\t');
    const [images, classes, channels, height, width, scale] = numbers.map(Number);
    const inputs = new Float32Array(contents(path.join(folder, name + '.in')));
    const outputs = new Float32Array(contents(path.join(folder, name + '.out')));
    const labels = new Int32Array(contents(path.join(folder, name + '.labels')));
    const session = await ort.InferenceSession.create(network);
    const size = channels * height * width;
    let largest = 0, sum = 0, agree = 0, ourCorrect = 0, theirCorrect = 0;
    for (let i = 0; i < images; i++) {
        const image = inputs.slice(i * size, (i + 1) * size);
        const feed = {[session.inputNames[0]]: new ort.Tensor('float32', image, [1, channels, height, width])};
        const theirs = (await session.run(feed))[session.outputNames[0]].data;
        const ours = outputs.subarray(i * classes, (i + 1) * classes);
        if (theirs.length !== classes)
            throw new Error(`${name}: ${theirs.length} outputs, expected ${classes}`);
        for (let c = 0; c < classes; c++) {
            const steps = Math.round(Math.abs(ours[c] - theirs[c]) / scale);
            largest = steps > largest || Number.isNaN(steps) ? steps : largest;
            sum += steps;
        }
        agree += argmax(ours) === argmax(theirs);
        ourCorrect += argmax(ours) === labels[i];
        theirCorrect += argmax(theirs) === labels[i];
    }
    const mean = sum / (images * classes), real = labels[0] >= 0;
    const ok = real ? agree >= AGREE * images && Math.abs(ourCorrect - theirCorrect) <= ACCURACY * images
                    : largest <= MAX_STEPS && mean <= MEAN_STEPS;
    const percent = n => (100 * n / images).toFixed(2);
    const top1 = real ? `, top-1 ${percent(ourCorrect)} %, ONNX Runtime ${percent(theirCorrect)} %` : '';
    console.log(`${ok ? 'ok' : 'FAIL'} ${name}: ${images} images, steps of difference: largest ${largest}, ` +
                `mean ${mean.toFixed(4)}, same top-1 ${agree}/${images}${top1}`);
    return ok;
}

async function main() {
    const folder = process.argv[2];
    const lines = fs.readFileSync(path.join(folder, 'cases.tsv'), 'utf8').trim().split('\n');
    let ok = lines.length > 0;
    for (const line of lines)
        ok = await compare(folder, line) && ok;
    process.exit(ok ? 0 : 1);
}

main().catch(e => {
    console.error(e);
    process.exit(1);
});
