package dev.chancery.hsm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A path to a PKCS #11 module that nothing in this process has loaded yet. SunPKCS11 keeps one
 * state for each path, for good, and a module one for each file that is loaded: what has failed
 * once is never asked again under the same path (docs/token-outages.md).
 */
final class ModuleFile implements AutoCloseable {
  private final Path folder;
  private final Path path;

  private ModuleFile(Path folder, Path path) {
    this.folder = folder;
    this.path = path;
  }

  /**
   * Makes one.
   *
   * @throws TokenUnusable when there is no such module, or no place for a copy of it
   */
  static ModuleFile of(Path library, Pkcs11Settings.Place place) throws TokenUnusable {
    if (!Files.isReadable(library)) {
      throw new TokenUnusable("the token library " + library + " does not exist or is unreadable");
    }
    try {
      // Readable and writable for this user alone: what is loaded from it runs as this process.
      Path folder = Files.createTempDirectory("chancery-module-");
      Path path = folder.resolve(library.getFileName());
      switch (place) {
        // Loaded from another file, the same code has a state of its own.
        case PROCESS -> Files.copy(library.toRealPath(), path);
        // Whoever asks this module for its functions gets a connection of its own anyway.
        case P11_KIT_SERVER -> Files.createSymbolicLink(path, library.toRealPath());
      }
      return new ModuleFile(folder, path);
    } catch (IOException e) {
      throw new TokenUnusable("the token library " + library + " cannot be copied: " + e, e);
    }
  }

  Path path() {
    return path;
  }

  /** Removes the file; what was loaded from it stays. */
  @Override
  public void close() {
    try {
      Files.deleteIfExists(path);
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      // A file too many in the folder for temporary ones: nobody is worse off.
      folder.toFile().deleteOnExit();
    }
  }
}
