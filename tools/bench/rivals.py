#!/usr/bin/env python3
"""Writes the tables of the root README from one run of the rivals' harness.

  rivals.py RESULTS.jsonl                 prints them
  rivals.py RESULTS.jsonl --into README   puts them between the lines <!-- rivals --> and <!-- /rivals -->

RESULTS.jsonl has a JSON line per (peer, mode, config, threads), as `run.py --out` writes them; where a cell was measured
several times, the line with the smallest median counts, for us and for the rivals alike. Needs Python alone.
"""
import argparse
import json
import re
import subprocess
import sys

# Columns: heading, and the (peer, mode) that count for it; the fastest of them is shown.
COLUMNS = [
    ("Sinter", [("ours", "default")]),
    ("torch eager", [("torch", "eager"), ("torch", "eager_cl")]),
    ("torch.compile", [("torch", "compile"), ("torch", "compile_step")]),
    ("LibTorch", [("libtorch", None)]),
    ("ggml", [("ggml", None)]),
    ("JAX", [("jax", None)]),
    ("Keras XLA", [("keras", None)]),
]
BEGIN, END = "<!-- rivals -->", "<!-- /rivals -->"


def read(path):
    """The best line of each cell, by (config, threads, column), and the times of all lines."""
    best, times = {}, []
    for text in open(path):
        line = json.loads(text)
        if "step_ms" not in line or line.get("error"):
            continue
        times.append(line["when"])
        for heading, modes in COLUMNS:
            if any(line["peer"] == peer and mode in (None, line["mode"]) for peer, mode in modes):
                key = line["config"], line["threads"], heading
                if key not in best or line["step_ms"] < best[key]["step_ms"]:
                    best[key] = line
    return best, sorted(times)


def number(value):
    """Three digits, never an exponent."""
    if value is None:
        return ""
    text = f"{value:.3g}"
    return f"{value:.5f}".rstrip("0") if "e-" in text else f"{value:.0f}" if "e" in text else text


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table(headings, rows):
    return "\n".join([row(headings), "|" + "---|" * len(headings), *map(row, rows)])


def cells_of(best, config, threads):
    return {heading: best.get((config, threads, heading)) for heading, _ in COLUMNS}


def step_rows(best, keys):
    for config, threads in keys:
        cells = cells_of(best, config, threads)
        ours = cells["Sinter"]
        rivals = [c["step_ms"] for h, c in cells.items() if c and h != "Sinter"]
        ahead = f"{min(rivals) / ours['step_ms']:.1f}x" if rivals else ""
        # An empty step of the tiny regression has no bound worth the name.
        bound = f"{ours['roofline_ratio']:.2f}x" if ours["step_ms"] > 0.001 else ""
        yield [config, str(threads), *(number(c and c["step_ms"]) for c in cells.values()), ahead, bound]


def other_rows(best, keys):
    for config, threads in keys:
        if threads != 1:
            continue
        cells = cells_of(best, config, threads)
        loss = lambda c: f"{c['loss_first']:.3f} to {c['loss_last']:.3f}" if c else ""
        compiled = ("Sinter", "torch.compile", "JAX", "Keras XLA")
        yield [config,
               *(number(c and c["first_step_ms"] / 1e3) for h, c in cells.items() if h in compiled),
               *(number(c and c["peak_rss_mb"]) for c in cells.values()),
               loss(cells["Sinter"]), loss(cells["torch eager"] or cells["JAX"])]


def machine():
    """What the machine says of itself, without its name: processors and the vector instructions in use."""
    text = subprocess.run(["lscpu"], capture_output=True, text=True, check=False).stdout
    field = lambda name: (re.search(rf"^{name}:\s*(.*)$", text, re.M) or ["", "?"])[1]
    vectors = "AVX-512" if "avx512f" in text else "AVX2" if "avx2" in text else "no AVX2"
    return f"{field(r'CPU.s.')} processors ({field('Vendor ID')}, {vectors})"


def tables(path):
    best, times = read(path)
    keys = sorted({(c, t) for c, t, h in best if h == "Sinter"}, key=lambda k: (k[0].split("-")[0], k[0], k[1]))
    peak = max(line["fma_peak_gflops"] for (c, t, h), line in best.items() if h == "Sinter" and t == 1)
    headings = [h for h, _ in COLUMNS]
    return "\n\n".join([
        f"Measured {times[0][:16].replace('T', ' ')} to {times[-1][11:16]}, {machine()}, FMA peak "
        f"{peak:.0f} GFLOP/s per core. Milliseconds per training step, medians; *ahead*: the fastest rival over Sinter; "
        "*bound*: Sinter over the machine's bound for this step. Where a cell was measured more than once, the fastest median "
        "counts, ours and theirs alike. Empty: not run there.",
        table(["Config", "Threads", *headings, "ahead", "bound"], step_rows(best, keys)),
        "Seconds until the first step has run (compilation included; nothing was on disk), peak memory in MB, and the loss of "
        "the first and last measured step, all with one thread:",
        table(["Config", *(f"{h}, s" for h in ("Sinter", "torch.compile", "JAX", "Keras XLA")),
               *(f"{h}, MB" for h in headings), "loss Sinter", "loss torch or JAX"], other_rows(best, keys)),
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results")
    parser.add_argument("--into", metavar="README")
    args = parser.parse_args()
    text = tables(args.results)
    if not args.into:
        return print(text)
    readme = open(args.into).read()
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        sys.exit(f"{args.into}: expected one line {BEGIN} and one line {END}")
    before, after = readme.split(BEGIN)[0], readme.split(END)[1]
    open(args.into, "w").write(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
