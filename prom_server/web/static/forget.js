// The visit is over on this device: what it kept until it was sent is gone.
"use strict";
try {
  sessionStorage.clear();
} catch { /* no storage, nothing kept */ }
