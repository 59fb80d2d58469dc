// A strip of totals, when the server keeps them.

import type { ComponentChildren } from "preact";
import type { Stats } from "../api";
import * as write from "../format";

export function StatsStrip({ stats }: { stats: Stats | null }) {
  if (stats === null || stats.images === 0) return null;
  return (
    <dl class="stats" aria-label="Totals">
      <Figure name="Photos">{write.count(stats.images)}</Figure>
      <Figure name="Ready">{write.count(stats.processed)}</Figure>
      <Figure name="Failed">{write.count(stats.failed)}</Figure>
      <Figure name="Originals">{write.bytes(stats.bytesIn)}</Figure>
      <Figure name="Renditions">{write.bytes(stats.bytesOut)}</Figure>
      {stats.p50Ms !== null && (
        <Figure name="Time, p50 / p99">
          {[stats.p50Ms, stats.p99Ms].map((ms) => (ms === null ? "–" : write.duration(ms))).join(" / ")}
        </Figure>
      )}
    </dl>
  );
}

function Figure({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="stat">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
