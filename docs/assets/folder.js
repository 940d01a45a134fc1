// A browser gives a page that it read from a folder no worker, and the search needs one.
if (location.protocol === "file:") {
  document.documentElement.classList.add("from-folder")
}
