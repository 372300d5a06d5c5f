package dev.chancery.hsm;

/** An object's handle, good as long as the login in which it was found. */
record CryptokiObject(long handle) {}
