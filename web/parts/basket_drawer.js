// Replaced soon.

export function openDrawer() {}
