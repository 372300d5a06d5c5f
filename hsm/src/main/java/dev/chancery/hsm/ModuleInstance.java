package dev.chancery.hsm;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * An instance of a module with a state of its own, loaded from a file of its own. As long as
 * SunPKCS11 has not seen it, it can begin anew as often as one likes, and nothing is left behind.
 */
final class ModuleInstance implements AutoCloseable {
  private final Pkcs11Settings settings;
  private final List<ModuleFile> files = new ArrayList<>();
  private final Cryptoki module;
  private boolean spent;
  private volatile boolean loggingIn;

  private ModuleInstance(Pkcs11Settings settings, ModuleFile file, Cryptoki module) {
    this.settings = settings;
    this.module = module;
    files.add(file);
  }

  static ModuleInstance load(Pkcs11Settings settings) throws TokenUnusable, CryptokiError {
    ModuleFile file = ModuleFile.of(settings.library(), settings.place());
    try {
      return new ModuleInstance(
          settings,
          file,
          Cryptoki.loaded(
              settings.library(),
              file.path(),
              settings.environment(),
              settings.initializeArguments()));
    } catch (TokenUnusable | CryptokiError | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  Cryptoki module() {
    return module;
  }

  /**
   * A path for SunPKCS11: first that of this instance, then of further ones. They are there until
   * this is closed.
   */
  Path pathForProvider() throws TokenUnusable {
    if (spent) {
      files.add(ModuleFile.of(settings.library(), settings.place()));
    } else {
      module.share();
      spent = true;
    }
    return files.getLast().path();
  }

  /** The PIN is about to be given to the module, or its answer is there. */
  void loggingIn(boolean now) {
    loggingIn = now;
  }

  /** Whether it is not known yet what the module says to the PIN. */
  boolean isLoggingIn() {
    return loggingIn;
  }

  /** Whether SunPKCS11 has it. */
  boolean isSpent() {
    return spent;
  }

  /** Removes the files; what was loaded from them stays. */
  @Override
  public void close() {
    files.forEach(ModuleFile::close);
  }
}
