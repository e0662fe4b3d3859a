import type { Overlay, OverlayState } from '../../shared/overlay/overlay.ts';

/** Resolves when the overlay is in that state. */
export function reaches(overlay: Overlay, wanted: OverlayState): Promise<void> {
  if (overlay.state === wanted) return Promise.resolve();
  return new Promise((resolve) => {
    const watch = overlay.onState((state) => {
      if (state !== wanted) return;
      watch[Symbol.dispose]();
      resolve();
    });
  });
}
