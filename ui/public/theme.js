// Runs before the first paint so that a remembered theme never flashes the other one. A file, not inline: the server's
// content security policy allows scripts from itself only.
try {
  const theme = localStorage.getItem("triplane.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // storage is blocked: the system's theme is used
}
