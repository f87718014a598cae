"""Number formats of GPU kernels: the precision of a kernel, by its name.

A kernel's name shows it (``ampere_fp16_s16816gemm_fp16_…``, ``volta_sgemm_128x64_nn``,
``…<c10::Half>``), or the types of its inputs where a trace records them. The precision of a
matrix product is that of its factors (``s16816gemm`` of fp16 sums in fp32 and is fp16), that
of other kernels the floats that they read and write. The naming schemes are those of
cuBLAS, cuDNN, CUTLASS, XMMA, nvjet, Tensile, MIOpen and Composable Kernel as their sources
document them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from xlate.values.precision_mix import INTEGER, NO_ARITHMETIC, NOT_KNOWN

__all__ = ["INTEGER", "NOT_KNOWN", "NO_ARITHMETIC", "PRECISIONS", "kernel_precision"]

_TENSOR = "-tensor"
#: formats, narrowest first; a matrix product has the narrowest format in its name
_FORMATS = ("fp4", "int4", "fp6", "fp8", "int8", "bf16", "fp16", "tf32", "fp32", "fp64")
#: all results of :func:`kernel_precision`
PRECISIONS = frozenset(
    {*_FORMATS, *(f + _TENSOR for f in _FORMATS), INTEGER, NO_ARITHMETIC, NOT_KNOWN}
)
#: formats that kernels of matrices always multiply on tensor cores
_ALWAYS_TENSOR = {"fp4", "int4", "fp6", "fp8", "tf32"}

_NOTHING = re.compile(
    r"^\[?(?:cuda |hip ?|async|unified memory )*mem(?:cpy|set|ory copy)"
    r"|^(?:copy|fill)(?:buffer|device|host)"
    r"|__amd_rocclr_|^(void )?(nccl|rccl|msccl|nvshmem|deep_ep::|mscclpp)"
    r"|nccl(dev)?kernel|all_?reduce|all_?gather|all_?to_?all|reduce_?scatter"
    r"|cross_device_reduce|nvshmem|^barrier_"
)
#: words for one format, in lower case, not after a letter or digit
_WORDS = {
    "fp4": r"nvfp4|mxfp4|fp4|f4e2m1\w*|float4_e2m1\w*|float_e2m1\w*|e2m1\w*|mxf4|nvf4"
    r"|ue[48]m[03]xf4",
    "int4": r"u?int4b?|s4|u4",
    "fp6": r"fp6|e2m3|e3m2|float6\w*",
    "fp8": r"mxfp8|fp8|bf8|f8e[45]m[23]\w*|float8\w*|float_e[45]m[23]\w*|e4m3\w*|e5m2\w*"
    r"|f8|b?f8_(?:fnuz_|ocp_)?t|(?:nv_)?fp8_e\w+|float8_fnuz|fp8e\w+|dt_float8\w*|blockscalefp8|pertokenfp8",
    "int8": r"u?int8(?:x\d+)?|s8|u8|i8|a8w8|w8a8|dt_int8",
    "bf16": r"bfloat16(?:2|_t)?|bf16(?:x\d|_t)?|dt_bfloat16",
    "fp16": r"float16(?:_t)?|fp16(?:x\d)?|f16|half_t|dt_half",
    "tf32": r"tf32(?:f32)?|tfloat32|xf32",
    "fp32": r"float32|fp32|f32|dt_float",
    "fp64": r"float64|fp64|f64|dt_double",
}
#: the same as C++ types, which are also parts of other names
_TYPES = {
    "fp16": r"::half(?![a-z0-9])|(?<![a-z0-9])__half2?(?![a-z0-9])"
    r"|(?<=[<,( ])half2?(?=[ ,>*&)])|^half2?$",
    "fp32": r"(?<![\w])float[248]?(?=[ ,>*&)]|$)|(?<=engine_)float(?=_)|complex ?float",
    "fp64": r"(?<![\w])double[24]?(?=[ ,>*&)]|$)",
}
_ANY = re.compile(
    "|".join(
        f"(?P<{f}>"
        + f"(?<![a-z0-9])(?:{_WORDS[f]})(?![a-z0-9])"
        + (f"|{_TYPES[f]}" if f in _TYPES else "")
        + ")"
        for f in _WORDS
    )
)
_INTEGER_TYPE = re.compile(
    r"(?<![\w])(?:(?:unsigned |signed )?(?:long|int|short|char)(?: int)?|bool|q?u?int\d+(?:_t)?"
    r"|pred|[su](?:16|32|64))(?![\w])"
)
_BRACKETS = re.compile(r"[\[\]()'\",]")
#: (int)4, as nsys writes the numbers among template arguments
_CAST = re.compile(r"\((?:unsigned )?(?:int|long|short|char|bool)\)")
_MANGLED = {
    "bf16": re.compile(r"BFloat16|bfloat16|6__bf16|DF16b"),
    "fp16": re.compile(r"4Half|6__half|6half_t|DF16_|Dh(?=[A-Z])|5half_"),
    "fp8": re.compile(r"fp8|Float8|float_e[45]m[23]|DB8_|BF8|FP8"),
    "fp32": re.compile(r"(?<=[IPK])f(?=[A-Zf]|[0-9]|_|$)|(?<=E)[f](?=[EL])"),
    "fp64": re.compile(r"(?<=[IPK])d(?=[A-Zd]|[0-9]|_|$)"),
}

#: Composable Kernel holds bf16 as unsigned short; "t" where names are mangled
_CK_BF16 = re.compile(r"ck::.*unsigned short|^_ZN2ck.*(?<=E)tt")

#: Tensile (rocBLAS, hipBLASLt): letters of the types after the indices
_TENSILE = re.compile(r"C[a-z]{2,4}_A[a-z]{2,4}_B[a-z]{2,4}_([A-Za-z0-9]+)(_M[A-Z])?")
_TENSILE_TYPE = re.compile(r"4xi8|I8|[FB]8N?|[FB]6|F4|[HBSDCZXI]")
_TENSILE_FORMAT = {
    "4xi8": "int8", "I8": "int8", "I": "int8", "F8": "fp8", "B8": "fp8", "F8N": "fp8",
    "B8N": "fp8", "F6": "fp6", "B6": "fp6", "F4": "fp4", "H": "fp16", "B": "bf16",
    "S": "fp32", "C": "fp32", "D": "fp64", "Z": "fp64", "X": "tf32",
}  # fmt: skip
#: cuBLAS from Hopper on: a letter for each of A, (B where it differs in meaning), C
_NVJET = re.compile(r"nvjet_(?:sm\d+_)?([a-z])[a-z]{2,5}_")
_NVJET_FORMAT = {
    "h": "fp16", "t": "bf16", "q": "fp8", "r": "fp8", "o": "fp4", "s": "tf32",
    "i": "int8", "d": "fp64", "z": "fp64", "c": "tf32",
}  # fmt: skip
_PAIR = r"(?:tf32|bf16|f16|f32|f64|i8|u8|i32|i4|e4m3|e5m2|e2m1)"
_XMMA = re.compile(rf"xmma_\w*?_({_PAIR}{{1,2}})_({_PAIR}{{1,2}})(?![a-z0-9])")
_XMMA_FIRST = re.compile(_PAIR)
_XMMA_FORMAT = {
    "tf32": "tf32", "bf16": "bf16", "f16": "fp16", "f32": "fp32", "f64": "fp64",
    "i8": "int8", "u8": "int8", "i4": "int4", "e4m3": "fp8", "e5m2": "fp8", "e2m1": "fp4",
    "i32": "int8",
}  # fmt: skip
#: s16816gemm: format of the sum, shape of the instruction, format of factors, operation
_MMA = re.compile(
    r"(?<![a-z0-9])g?([shidcz])(\d{3,6}|\d+x\d+x\d+)(tf32|bf16|f16)?"
    r"(?:gemm|cudnn|fprop|dgrad|wgrad|deconv|conv|symm|syrk|syr2k|trmm|herk|hemm|bias|spgemm)"
)
#: sgemm, scudnn, dgemm: no tensor cores
_LETTER = re.compile(
    r"(?<![a-z0-9])g?([shidcz])(?:gemm(?!_(?:fwd|bwd|wrw)_)|gemv|cudnn|symm|syrk|trsm|trmm)"
)
_LETTER_FORMAT = {"s": "fp32", "h": "fp16", "i": "int8", "d": "fp64", "c": "fp32", "z": "fp64"}  # fmt: skip
#: Triton's grouped products: the format of the factors is first, weights are widened
_OGS = re.compile(r"matmul_ogs_[nt]+_([a-z]+\d+)x")
#: instructions in the names of cuDNN's and TensorRT's template kernels
_UNIT = re.compile(
    r"(?:volta|turing|ampere|ada|hopper|blackwell)_([hidq]mma)(?:_(tf32|bf16))?"
)

_MATRIX = re.compile(
    r"gemm|gemv|matmul|conv(?!ert)|attn|attention|fmha|flash|mma|xdl|(?<!sub)tensorop|cutlass|mfma"
    r"|marlin|wgrad|dgrad|fprop|(?<![a-z])(?:moe|fmoe|bmm|mm|mha|sdpa|mla)(?![a-z])"
)
#: Inductor's pointwise and reducing kernels, named after the fused operations
_POINTWISE = re.compile(r"^triton_(?:poi|red|per)_|^(?:loop|input)_\w*fusion")
_QUANTIZES = re.compile(r"quant|cast|convert|cvt|copy|amax")
_ON_TENSOR_CORES = re.compile(
    r"(?<!sub)tensorop|wmma|[hiqdg]mma|mma_|_mma|xdl|mfma|gtcx|flash_|_flash|flash::|pytorch_flash|sdpa"
    r"|fmha|marlin|deep_gemm|tcgen|warpgroup|trtllm|triton_(?:tem|mm)|gemm_fusion|aiter|(?<![a-z])fmoe|tensor\d+x\d+"
    r"|cutlass3x|warp_?specialized"
)
_FULL_MATRIX = re.compile(r"xdl|mfma|gtcx|dmma")
_ON_LANES = re.compile(r"simt|[fdh]fma(?![a-z])|_sm(?:35|37|50|52|60|61)(?![0-9])")
#: kernels that Triton or XLA wrote have neither types nor parameters in their names;
#: their fp32 products may be TF32 by a switch that no name shows
_COMPILED = re.compile(
    r"triton|gemm_fusion|fused_moe|matmul|attn|attention|bwd_kernel_d[kq]|[bm]m_kernel|gemm_kernel"
)
#: cuDNN names these f16 for each 16-bit float
_EITHER_16 = re.compile(r"native_sdpa\w*_f16")


def kernel_precision(name: str, dtypes: Sequence[object] = ()) -> str:
    """Precision of a kernel, with the suffix ``-tensor`` on tensor cores.

    Parameters
    ----------
    name : str
        As the profiler printed it, template arguments included.
    dtypes : sequence, optional
        Types of the inputs of the operation that launched it (``c10::Half``, ``float``,
        ``DT_HALF``, ``bf16``), in any order; entries that are not types are skipped.

    Returns
    -------
    str
        ``fp64``, ``fp32``, ``tf32-tensor``, ``fp16``, ``fp16-tensor``, ``bf16``,
        ``bf16-tensor``, ``fp8-tensor``, ``int8``, ``int8-tensor`` and so on (AMD's matrix
        cores count as tensor cores: ``fp32-tensor`` is theirs); :data:`INTEGER` for work
        on indices and masks; :data:`NO_ARITHMETIC` for copies and communication;
        :data:`NOT_KNOWN` where nothing shows it.

    Examples
    --------
    >>> from xlate.values.kernel_precision import kernel_precision
    >>> kernel_precision("ampere_fp16_s16816gemm_fp16_64x64_ldg8_f2f_stages_64x5_tn")
    'fp16-tensor'
    >>> kernel_precision("volta_sgemm_128x64_nn")
    'fp32'
    >>> kernel_precision("triton_poi_fused_add_0", ("c10::BFloat16", "Scalar"))
    'bf16'
    """
    return _precision(name, " ".join(map(str, dtypes)) if dtypes else "")


@lru_cache(maxsize=65536)
def _precision(name: str, dtypes: str) -> str:
    small = name.lower()
    if _NOTHING.search(small):
        return NO_ARITHMETIC
    by_library = _by_library(name, small)
    if by_library is not None:
        return by_library
    matrix = _is_matrix(small)
    types = _mangled(name) if name.startswith("_Z") else _types(small)
    letter = None if types else _LETTER.search(small)
    if letter is not None:
        return _LETTER_FORMAT[letter[1]]
    if _EITHER_16.search(small):
        types = []
    elif _CK_BF16.search(name):
        types.append("bf16")
    # lists of lists, as Kineto writes those of tensor lists, are read as their words
    inputs = f" {_BRACKETS.sub(' ', dtypes.lower())} "
    chosen = _chosen(types, matrix) or _chosen(_listed(inputs), matrix)
    if chosen is None:
        return INTEGER if _is_integer(small, inputs) else NOT_KNOWN
    return _labelled(chosen, matrix, small)


def _is_matrix(small: str) -> bool:
    """Whether a kernel multiplies matrices: products, convolutions, attention."""
    if _POINTWISE.search(small) or (_QUANTIZES.search(small) and "gemm" not in small):
        return False
    return _MATRIX.search(small) is not None


def _by_library(name: str, small: str) -> str | None:
    """Precision by a library's naming scheme; None where the name follows no scheme."""
    tensile = _TENSILE.search(name)
    if tensile is not None:
        return _tensile(name, tensile)
    nvjet = _NVJET.search(small)
    if nvjet is not None and nvjet[1] in _NVJET_FORMAT:
        return _NVJET_FORMAT[nvjet[1]] + _TENSOR
    xmma = _XMMA.search(small)
    if xmma is not None:
        return _xmma(small, xmma[1], xmma[2])
    mma = _MMA.search(small)
    if mma is not None:
        return _instruction(small, mma[1], mma[2], mma[3]) + _TENSOR
    grouped = _OGS.search(small)
    if grouped is not None:
        chosen = _chosen(_types(grouped[1]), True)
        return None if chosen is None or chosen == "fp32" else chosen + _TENSOR
    unit = _UNIT.search(small)
    if unit is not None:
        return {"hmma": unit[2] or "fp16", "imma": "int8", "dmma": "fp64", "qmma": "fp8"}[unit[1]] + _TENSOR  # fmt: skip
    # sgemm_fp16: fp16 in memory, multiplied without tensor cores
    letter = _LETTER.search(small)
    if letter is not None and "<" not in small.partition(letter[0])[2][:24]:
        plain = _types(small)
        narrow = _chosen([t for t in plain if t in {"fp16", "bf16", "int8"}], True)
        return narrow or _LETTER_FORMAT[letter[1]]
    return None


def _tensile(name: str, match: re.Match[str]) -> str:
    kind = _TENSILE_TYPE.match(match[1])
    if kind is None:
        return NOT_KNOWN
    number_format = "tf32" if match[2] == "_MX" else _TENSILE_FORMAT[kind[0]]
    # MI: the matrix instruction; hipBLASLt (UserArgs) always uses it
    units = re.search(r"_MI\d+x", name) or "UserArgs" in name
    return number_format + (_TENSOR if units or number_format in _ALWAYS_TENSOR else "")


def _xmma(small: str, inputs: str, sums: str) -> str:
    first = _XMMA_FIRST.match(inputs)
    number_format = _XMMA_FORMAT[first[0]] if first else "fp32"
    if "tf32" in inputs + sums:
        return "tf32" + _TENSOR
    if _ON_LANES.search(small):
        return number_format
    if number_format == "fp32":
        # fp32 on tensor cores is TF32
        return "tf32" + _TENSOR if re.search(r"tensor\d+x", small) else number_format
    return number_format + _TENSOR


def _instruction(small: str, sums: str, shape: str, multiplied: str | None) -> str:
    """Format that an instruction such as s16816 multiplies."""
    if sums == "h":
        return "fp16"
    if sums in "dz":
        return "fp64"
    if multiplied is not None:
        return {"f16": "fp16"}.get(multiplied, multiplied)
    named = set(_types(small))
    if sums == "i":
        if named & {"int8", "int4"}:
            return "int4" if "int4" in named else "int8"
        return "int4" if shape in ("8832", "16864") else "int8"
    for number_format in ("fp4", "fp6", "fp8", "tf32", "bf16", "fp16", "int8"):
        if number_format in named:
            return number_format
    # Volta and Turing multiply only fp16; from Ampere on fp32 is multiplied as TF32
    older = shape == "884" or re.search(r"turing|volta|_7[05]_", small)
    return "fp16" if older else "tf32"


def _types(small: str) -> list[str]:
    """Formats named in a text in lower case, in order: template arguments before others."""
    text = _CAST.sub("", small).replace("(anonymous namespace)", "")
    head = text[: _parameters(text)]
    formats = _listed(head)
    return formats or _listed(text[len(head) :])


def _listed(text: str) -> list[str]:
    return [m.lastgroup for m in _ANY.finditer(text) if m.lastgroup]


def _parameters(text: str) -> int:
    """Where the parameters of a function begin, after its template arguments."""
    depth = 0
    for k, c in enumerate(text):
        if c == "<":
            depth += 1
        elif c == ">":
            depth -= 1
        elif c == "(" and depth == 0:
            return k
    return len(text)


def _mangled(name: str) -> list[str]:
    formats = [f for f, pattern in _MANGLED.items() if pattern.search(name)]
    return formats or _types(re.sub(r"(?<=[A-Z0-9])(?=[a-z_])", " ", name).lower())


def _chosen(types: Iterable[str], matrix: bool) -> str | None:
    """The format that decides, of those in a kernel's name; None without any."""
    named = list(types)
    if not named:
        return None
    if not matrix:
        # a kernel that writes fp8 or int8 computes in the float that it reads
        floats = [t for t in named if t in ("bf16", "fp16", "fp32", "fp64", "tf32")]
        named = floats or named
    return min(named, key=_FORMATS.index)


def _is_integer(small: str, dtypes: str) -> bool:
    """Whether a kernel works only on integers, as far as its types show."""
    if dtypes.strip():
        return _INTEGER_TYPE.search(dtypes) is not None
    if "opaquetype" in small:
        return False
    # in other kernels an integer argument may be an index or a size
    lists = r"functor|lambda|reduceop|cub::|thrust::|fill"
    return (
        re.search(lists, small) is not None
        and _INTEGER_TYPE.search(_CAST.sub("", small)) is not None
    )


def _labelled(number_format: str, matrix: bool, small: str) -> str:
    if not matrix:
        return number_format
    compiled = not re.search(r"[(<]|^_z", small) and _COMPILED.search(small)
    if number_format == "fp32" and compiled:
        return NOT_KNOWN
    if number_format in _ALWAYS_TENSOR:
        return number_format + _TENSOR
    if _ON_LANES.search(small):
        return number_format
    if number_format in ("fp32", "fp64"):
        # AMD's matrix cores multiply these too, NVIDIA's multiply fp64 from the A100 on
        return number_format + (_TENSOR if _FULL_MATRIX.search(small) else "")
    return number_format + (
        _TENSOR if compiled or _ON_TENSOR_CORES.search(small) else ""
    )
