// Runs the cases of onnxruntime_cases.c through ONNX Runtime: node onnxruntime_compare.cjs FOLDER
// Fails when a logit differs by 1e-3 or more, or a top-1 differs at all.
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');

const LIMIT = 1e-3;

// The file's bytes in an ArrayBuffer of their own: typed arrays want alignment.
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
    const [images, classes, channels, height, width] = numbers.map(Number);
    const inputs = new Float32Array(contents(path.join(folder, name + '.in')));
    const logits = new Float32Array(contents(path.join(folder, name + '.out')));
    const labels = new Int32Array(contents(path.join(folder, name + '.labels')));
    const session = await ort.InferenceSession.create(network);
    const size = channels * height * width;
    let largest = 0, agree = 0, correct = 0;
    for (let i = 0; i < images; i++) {
        const image = inputs.slice(i * size, (i + 1) * size);
        const feed = {[session.inputNames[0]]: new ort.Tensor('float32', image, [1, channels, height, width])};
        const theirs = (await session.run(feed))[session.outputNames[0]].data;
        const ours = logits.subarray(i * classes, (i + 1) * classes);
        if (theirs.length !== classes)
            throw new Error(`${name}: ${theirs.length} outputs, expected ${classes}`);
        for (let c = 0; c < classes; c++) {
            const difference = Math.abs(ours[c] - theirs[c]);
            largest = difference > largest || Number.isNaN(difference) ? difference : largest;
        }
        agree += argmax(ours) === argmax(theirs);
        correct += argmax(ours) === labels[i];
    }
    const top1 = labels[0] < 0 ? '' : `, top-1 ${(100 * correct / images).toFixed(2)} %`;
    const ok = largest < LIMIT && agree === images;
    console.log(`${ok ? 'ok' : 'FAIL'} ${name}: ${images} images, largest difference ${largest.toExponential(2)}, ` +
                `same top-1 ${agree}/${images}${top1}`);
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
