"""A film of noise: a minute, and so large that no browser takes all of it at once."""

import random
import sys
from fractions import Fraction

import av

SECONDS = 60
FRAMES_PER_SECOND = 10
WIDTH, HEIGHT = 320, 240


def main(path):
    noise = random.Random(1)
    # The index stands at the end, as most cameras and encoders write it: a browser begins by seeking.
    with av.open(path, "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"preset": "ultrafast", "qp": "20", "g": str(FRAMES_PER_SECOND)}
        for number in range(SECONDS * FRAMES_PER_SECOND):
            frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            for plane in frame.planes:
                plane.update(noise.randbytes(plane.buffer_size))
            frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))


if __name__ == "__main__":
    main(sys.argv[1])
