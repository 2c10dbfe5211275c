// A cloud of points that can be turned: `points` are x, y, z in thousandths and a segment, flat.
(function (points, colors) {
  const canvas = document.getElementById("cloud"), pen = canvas.getContext("2d");
  let turn = 0.6, tilt = 0.35, held = null, shown = -1;
  function draw() {
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const [ct, st, cl, sl] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)];
    const size = Math.min(width, height * 1.5) / 2700, order = [];
    for (let i = 0; i < points.length; i += 4) {
      const x = points[i], y = points[i + 1], z = points[i + 2], c = points[i + 3];
      const side = x * ct + z * st, deep = z * ct - x * st;
      const up = y * cl - deep * sl, far = deep * cl + y * sl, near = 3200 / (3200 + far);
      order.push([far, width / 2 + side * near * size * 1.15, height / 2 - up * near * size * 1.15, near, c]);
    }
    order.sort((a, b) => b[0] - a[0]);
    for (const [, x, y, near, c] of order) {
      pen.globalAlpha = shown < 0 || shown === c ? 0.75 : 0.06;
      pen.fillStyle = c < 0 ? "#9aa4ae" : colors[c];
      pen.beginPath();
      pen.arc(x, y, 2.1 * near, 0, 7);
      pen.fill();
    }
  }
  canvas.addEventListener("pointerdown", (e) => { held = [e.clientX, e.clientY]; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointerup", () => { held = null; });
  canvas.addEventListener("pointermove", (e) => {
    if (!held) return;
    turn += (e.clientX - held[0]) / 150;
    tilt = Math.max(-1.5, Math.min(1.5, tilt + (e.clientY - held[1]) / 150));
    held = [e.clientX, e.clientY];
    draw();
  });
  for (const entry of document.querySelectorAll("[data-segment]")) {
    entry.addEventListener("mouseenter", () => { shown = +entry.dataset.segment; draw(); });
    entry.addEventListener("mouseleave", () => { shown = -1; draw(); });
  }
  window.addEventListener("resize", draw);
  draw();
})
