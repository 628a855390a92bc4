"""Numbers, randomness and amounts (section 8 of the model)."""

import math
import struct

MILLION = 1_000_000
INF = math.inf


class RunFailure(Exception):
    """A run that fails at run time: an expression that is no number, a negative rate."""


# ---------------------------------------------------------------------------------
# Transcendental functions: exp and log ported from the Rust crate `libm` (itself
# FreeBSD's msun by way of musl), so that the bits agree and not only the digits.
# `sqrt` is correctly rounded everywhere, so Python's own will do.
# ---------------------------------------------------------------------------------


def bits_of(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def float_of(bits):
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def libm_exp(x):
    ln2hi, ln2lo = 6.93147180369123816490e-01, 1.90821492927058770002e-10
    invln2 = 1.44269504088896338700e00
    p1, p2 = 1.66666666666666019037e-01, -2.77777777770155933842e-03
    p3, p4 = 6.61375632143793436117e-05, -1.65339022054652515390e-06
    p5 = 4.13813679705723846039e-08
    hx = bits_of(x) >> 32
    sign = hx >> 31
    hx &= 0x7FFFFFFF
    if hx >= 0x4086232B:
        if math.isnan(x):
            return x
        if x > 709.782712893383973096:
            return INF
        if x < -745.13321910194110842:
            return 0.0
    if hx > 0x3FD62E42:  # |x| > 0.5 ln2
        if hx >= 0x3FF0A2B2:  # |x| >= 1.5 ln2
            k = int(invln2 * x + (-0.5 if sign else 0.5))  # truncates towards zero
        else:
            k = 1 - sign - sign
        hi = x - k * ln2hi
        lo = k * ln2lo
        x = hi - lo
    elif hx > 0x3E300000:  # |x| > 2**-28
        k = 0
        hi = x
        lo = 0.0
    else:
        return 1.0 + x
    xx = x * x
    c = x - xx * (p1 + xx * (p2 + xx * (p3 + xx * (p4 + xx * p5))))
    y = 1.0 + (x * c / (2.0 - c) - lo + hi)
    if k == 0:
        return y
    try:
        return math.ldexp(y, k)
    except OverflowError:
        return INF


def libm_log(x):
    ln2_hi, ln2_lo = 6.93147180369123816490e-01, 1.90821492927058770002e-10
    lg1, lg2 = 6.666666666666735130e-01, 3.999999999940941908e-01
    lg3, lg4 = 2.857142874366239149e-01, 2.222219843214978396e-01
    lg5, lg6 = 1.818357216161805012e-01, 1.531383769920937332e-01
    lg7 = 1.479819860511658591e-01
    ui = bits_of(x)
    hx = ui >> 32
    k = 0
    if hx < 0x00100000 or (hx >> 31) != 0:
        if (ui << 1) & 0xFFFFFFFFFFFFFFFF == 0:
            return -INF
        if hx >> 31 != 0:
            return math.nan
        k -= 54  # a subnormal number, scaled up
        x *= 18014398509481984.0
        ui = bits_of(x)
        hx = ui >> 32
    elif hx >= 0x7FF00000:
        return x
    elif hx == 0x3FF00000 and (ui << 32) & 0xFFFFFFFFFFFFFFFF == 0:
        return 0.0
    hx += 0x3FF00000 - 0x3FE6A09E
    k += (hx >> 20) - 0x3FF
    hx = (hx & 0x000FFFFF) + 0x3FE6A09E
    x = float_of((hx << 32) | (ui & 0xFFFFFFFF))
    f = x - 1.0
    hfsq = 0.5 * f * f
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    t1 = w * (lg2 + w * (lg4 + w * lg6))
    t2 = z * (lg1 + w * (lg3 + w * (lg5 + w * lg7)))
    r = t2 + t1
    dk = float(k)
    return s * (hfsq + r) + dk * ln2_lo - hfsq + f + dk * ln2_hi


def ieee_sqrt(x):
    return math.nan if x < 0.0 else math.sqrt(x)


def ieee_div(a, b):
    if b == 0.0:
        if a == 0.0 or math.isnan(a):
            return math.nan
        return math.copysign(INF, math.copysign(1.0, a) * math.copysign(1.0, b))
    return a / b


# ---------------------------------------------------------------------------------
# Randomness (section 8)
# ---------------------------------------------------------------------------------


def fnv1a64(text):
    h = 0xCBF29CE484222325
    for byte in text.encode("utf-8"):
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def chacha_block(key_words, block, stream, rounds=8):
    """One block of 16 words: 64-bit block counter in words 12-13, stream in 14-15."""
    mask = 0xFFFFFFFF
    start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *key_words]
    start += [block & mask, (block >> 32) & mask, stream & mask, (stream >> 32) & mask]
    s = list(start)

    def quarter(a, b, c, d):
        s[a] = (s[a] + s[b]) & mask
        s[d] ^= s[a]
        s[d] = ((s[d] << 16) | (s[d] >> 16)) & mask
        s[c] = (s[c] + s[d]) & mask
        s[b] ^= s[c]
        s[b] = ((s[b] << 12) | (s[b] >> 20)) & mask
        s[a] = (s[a] + s[b]) & mask
        s[d] ^= s[a]
        s[d] = ((s[d] << 8) | (s[d] >> 24)) & mask
        s[c] = (s[c] + s[d]) & mask
        s[b] ^= s[c]
        s[b] = ((s[b] << 7) | (s[b] >> 25)) & mask

    for _ in range(rounds // 2):
        quarter(0, 4, 8, 12)
        quarter(1, 5, 9, 13)
        quarter(2, 6, 10, 14)
        quarter(3, 7, 11, 15)
        quarter(0, 5, 10, 15)
        quarter(1, 6, 11, 12)
        quarter(2, 7, 8, 13)
        quarter(3, 4, 9, 14)
    return [(a + b) & mask for a, b in zip(s, start)]


class Random:
    def __init__(self, seed, replicate):
        key = struct.pack("<QQ", seed, replicate) + bytes(16)
        self.key_words = struct.unpack("<8I", key)

    def word(self, source, step):
        """The one `next_u64` at word position 2·step of the source's stream."""
        position = 2 * step
        words = chacha_block(self.key_words, position // 16, fnv1a64(source))
        return words[position % 16] | (words[position % 16 + 1] << 32)


def to_u(x):
    """For events of a probability and for `choice`: in [0, 1)."""
    return (x >> 11) * 2.0**-53


def to_v(x):
    """For continuous distributions: in (0, 1)."""
    return ((x >> 12) + 0.5) * 2.0**-52


def ppnd16(p):
    """Wichura's algorithm AS 241, PPND16: the inverse of the normal distribution."""

    def horner(coefficients, r):
        value = coefficients[-1]
        for c in reversed(coefficients[:-1]):
            value = value * r + c
        return value

    a = [3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
         1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
         3.3430575583588128105e4, 2.5090809287301226727e3]  # fmt: skip
    b = [1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
         2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
         5.2264952788528545610e3]  # fmt: skip
    c = [1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
         3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
         2.27238449892691845833e-2, 7.74545014278341407640e-4]  # fmt: skip
    d = [1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
         1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
         1.05075007164441684324e-9]  # fmt: skip
    e = [6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
         2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
         2.71155556874348757815e-5, 2.01033439929228813265e-7]  # fmt: skip
    f = [1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
         7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
         2.04426310338993978564e-15]  # fmt: skip
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * horner(a, r) / horner(b, r)
    r = p if q < 0.0 else 1.0 - p
    r = ieee_sqrt(-libm_log(r))
    if r <= 5.0:
        r -= 1.6
        value = horner(c, r) / horner(d, r)
    else:
        r -= 5.0
        value = horner(e, r) / horner(f, r)
    return -value if q < 0.0 else value


DISTRIBUTIONS = ("uniform", "triangular", "normal", "choice")


def draw_uniform(v, lo, hi):
    return lo + (hi - lo) * v


def draw_triangular(v, lo, mode, hi):
    if hi == lo:
        return lo
    if v < (mode - lo) / (hi - lo):
        return lo + ieee_sqrt(v * (hi - lo) * (mode - lo))
    return hi - ieee_sqrt((1.0 - v) * (hi - lo) * (hi - mode))


def draw_normal(v, mean, sd):
    return mean + sd * ppnd16(v)


def draw_choice(u, values):
    return values[math.floor(u * len(values))]


def is_distribution(raw):
    if not isinstance(raw, dict) or len(raw) != 1:
        return False
    ((key, value),) = raw.items()
    return key in DISTRIBUTIONS and isinstance(value, list)


# ---------------------------------------------------------------------------------
# Numbers and amounts
# ---------------------------------------------------------------------------------


def clip(x, lo, hi):
    return lo if x < lo else hi if x > hi else x


def to_millionths(x):
    """The f64 product with 10⁶, rounded to the nearest, ties away from zero."""
    product = x * 1e6
    whole = math.trunc(product)
    if abs(product - whole) >= 0.5:
        whole += 1 if product > 0 else -1
    return whole


def from_millionths(n):
    """The f64 nearest to the amount (division of Python's integers rounds correctly)."""
    return n / MILLION


def show(x):
    """The shortest form that reads back to the same bits; whole numbers without `.0`."""
    if x is None or isinstance(x, str):
        return x or ""
    if isinstance(x, float) and x.is_integer() and abs(x) < 1e16 and bits_of(x) != 1 << 63:
        return str(int(x))
    return repr(x)
