// Compares what the embedded AWS made of JSONata expressions with the reference implementation.
//
//     node build/compare-jsonata.js DIRECTORY FILE
//
// DIRECTORY is where npm has installed jsonata, FILE what ExpressionsTest writes: one evaluation in each line, with the
// expression, $states, the variables, $now() and the result, which is absent where the evaluation failed or gave nothing.
// Prints the expressions that differ, and exits with 1 if there are any.
"use strict";

const {isDeepStrictEqual} = require("node:util");
const fs = require("node:fs");
const path = require("node:path");

const [directory, file] = process.argv.slice(2);
const jsonata = require(path.resolve(directory));

// Step Functions' own functions, and the clock, as in the run; what draws a random number cannot be compared.
function functions(row) {
    return {
        now: () => row.now,
        millis: () => Date.parse(row.now),
        parse: (text) => JSON.parse(text),
    };
}

async function evaluate(row) {
    try {
        const result = await jsonata(row.expression)
            .evaluate(undefined, {...functions(row), ...row.variables, states: row.states});
        return result === undefined ? undefined : JSON.parse(JSON.stringify(result));
    } catch (failed) {
        return undefined;
    }
}

async function main() {
    const rows = fs.readFileSync(file, "utf8").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
    if (rows.length === 0) throw new Error(`${file} has no evaluations`);
    const different = new Map();
    for (const row of rows) {
        const there = await evaluate(row);
        if (!isDeepStrictEqual(row.result, there)) different.set(row.expression, [row.result, there]);
    }
    for (const [expression, [here, there]] of different) {
        console.log(`different:${expression}\n  embedded AWS: ${JSON.stringify(here)}\n  jsonata:      ${JSON.stringify(there)}`);
    }
    const verdict = different.size === 0 ? "equal" : `${different.size} expressions differ`;
    console.log(`jsonata: ${new Set(rows.map((row) => row.expression)).size} expressions, ${rows.length} evaluations, ${verdict}`);
    process.exitCode = different.size === 0 ? 0 : 1;
}

main();
