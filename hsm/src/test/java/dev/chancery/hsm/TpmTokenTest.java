package dev.chancery.hsm;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.testing.SimulatedTpm;
import dev.chancery.testing.SlowLane;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A TPM behind tpm2-pkcs11 keeps the contract of tokens. */
final class TpmTokenTest extends TokenContract {
  @TempDir private static Path folder;

  private static @Nullable SimulatedTpm tpm;
  private static Pkcs11Settings settings;

  @BeforeAll
  static void start() {
    assumeTrue(SlowLane.isWanted(), SlowLane.LEFT_OUT);
    SimulatedTpm started = SimulatedTpm.start(folder, "contract");
    tpm = started;
    settings = settings(started);
  }

  @AfterAll
  static void end() {
    if (tpm != null) {
      tpm.close();
    }
  }

  static Pkcs11Settings settings(SimulatedTpm tpm) {
    return new Pkcs11Settings(
        tpm.library(),
        Optional.of(tpm.label()),
        Optional.empty(),
        tpm.pinFile(),
        2,
        Duration.ofSeconds(20),
        Pkcs11Settings.Place.PROCESS,
        tpm.environment());
  }

  // swtpm makes no RSA key of 4096 bits.
  @Override
  boolean can(KeyAlgorithm algorithm, SigningScheme scheme) {
    return algorithm != KeyAlgorithm.RSA_4096;
  }

  // tpm2-pkcs11 reads what there is when it begins.
  @Override
  boolean seesWhatAnotherMakes() {
    return false;
  }

  // Here, since a process has one connection to a D-Bus and so one TPM behind it.
  @Test
  void itsKeysAreAsDocumented() throws Exception {
    ModuleKeysTest.assertRow("tpm2-pkcs11 1.9 on swtpm", settings);
  }

  @Override
  Token open() throws Exception {
    return Pkcs11Token.open(settings, TokenObserver.NONE);
  }
}
