#!/bin/sh
# Makes the picture and the video of the demo site again. Needs ffmpeg (5 or later) with libvpx and
# libwebp, and the DejaVu fonts; takes a minute or two.
set -eu
cd "$(dirname "$0")/media"

# One palette for both: the fractal's iteration count in, a warm-to-blue cosine gradient out.
palette="extractplanes=g,format=gray,format=rgb24,lutrgb=\
r='128+120*cos(6.283*(val/255+0.55))':\
g='128+110*cos(6.283*(val/255+0.40))':\
b='128+110*cos(6.283*(val/255+0.25))'"
place="start_x=-0.743643887037151:start_y=0.131825904205330:maxiter=3000:inner=black"

ffmpeg -v error -y -f lavfi -i "mandelbrot=size=1600x900:rate=1:$place:start_scale=0.0009:end_scale=0.0009" \
    -frames:v 1 -vf "$palette" -c:v libwebp -quality 82 spiral.webp

# 24 seconds, a key frame each second (-g equals the rate) and the index in front (-cues_to_front), so
# that a browser can jump to any second after reading a few kilobytes. The clock makes jumps visible.
ffmpeg -v error -y -f lavfi -i "mandelbrot=size=854x480:rate=25:$place:start_scale=3:end_scale=0.00005:end_pts=600" \
    -t 24 -vf "$palette,drawtext=font=DejaVu Sans Mono:fontsize=26:fontcolor=white:box=1:boxcolor=black@0.55:boxborderw=10:x=24:y=24:text='%{pts\:hms}',format=yuv420p" \
    -c:v libvpx-vp9 -b:v 560k -g 25 -keyint_min 25 -row-mt 1 -threads 2 -deadline good -cpu-used 4 \
    -cues_to_front 1 -fflags +bitexact -map_metadata -1 zoom.webm

# What stands in the player before the video starts.
ffmpeg -v error -y -ss 20 -i zoom.webm -frames:v 1 -c:v libwebp -quality 75 zoom.webp
