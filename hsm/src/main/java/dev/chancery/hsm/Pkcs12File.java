package dev.chancery.hsm;

import dev.chancery.core.Refused;
import dev.chancery.core.SubjectPublicKey;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.UnrecoverableKeyException;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.cert.X509CertificateHolder;

/** Private keys in a PKCS #12 file, named by their ids; replaced as a whole or not at all. */
final class Pkcs12File {
  private static final int LARGEST = 1 << 20;

  private static final Set<OpenOption> CREATED =
      Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE);
  private static final Set<OpenOption> CREATED_NEW =
      Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  // A file lock is the whole process's: threads need one of their own.
  private static final Object WRITING = new Object();

  record Entry(PrivateKey privateKey, SubjectPublicKey publicKey) {}

  private final Path file;
  private final Path passwordFile;

  Pkcs12File(Path file, Path passwordFile) {
    this.file = file;
    this.passwordFile = passwordFile;
  }

  /** Refuses a file that is there but cannot be opened. */
  void check() throws TokenUnusable {
    try (SecretFile password = SecretFile.read("password", passwordFile)) {
      load(password);
    }
  }

  Optional<Entry> entry(KeyId id) throws TokenUnusable {
    try (SecretFile password = SecretFile.read("password", passwordFile)) {
      KeyStore keys = load(password);
      Certificate certificate = keys.getCertificate(id.hex());
      if (certificate == null
          || !(keys.getKey(id.hex(), password.characters()) instanceof PrivateKey key)) {
        return Optional.empty();
      }
      return Optional.of(new Entry(key, SubjectPublicKey.of(certificate.getPublicKey())));
    } catch (GeneralSecurityException | Refused e) {
      throw new TokenUnusable("the key " + id + " in " + file + " cannot be read", e);
    }
  }

  void add(KeyId id, PrivateKey key, X509CertificateHolder certificate) throws TokenUnusable {
    synchronized (WRITING) {
      try (SecretFile password = SecretFile.read("password", passwordFile);
          FileChannel lock = FileChannel.open(beside(".lock"), CREATED, OWNER_ONLY)) {
        // Held until the channel closes: two processes must not each write what they have read.
        lock.lock();
        KeyStore keys = load(password);
        if (keys.containsAlias(id.hex())) {
          throw new TokenUnusable(file + " already has a key with the id " + id);
        }
        Certificate[] chain = {decoded(certificate)};
        keys.setKeyEntry(id.hex(), key, password.characters(), chain);
        replace(keys, password);
      } catch (IOException | GeneralSecurityException e) {
        throw new TokenUnusable("the key " + id + " cannot be written to " + file, e);
      }
    }
  }

  private void replace(KeyStore keys, SecretFile password)
      throws IOException, GeneralSecurityException {
    Path written = beside(".new");
    Files.deleteIfExists(written);
    try (FileChannel channel = FileChannel.open(written, CREATED_NEW, OWNER_ONLY)) {
      keys.store(Channels.newOutputStream(channel), password.characters());
      channel.force(true);
    }
    Files.move(written, file, StandardCopyOption.ATOMIC_MOVE);
    // The new name must survive a power cut too.
    try (FileChannel folder =
        FileChannel.open(file.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
      folder.force(true);
    }
  }

  private KeyStore load(SecretFile password) throws TokenUnusable {
    try {
      KeyStore keys = KeyStore.getInstance("PKCS12");
      if (Files.notExists(file)) {
        keys.load(null, password.characters());
        return keys;
      }
      try (InputStream in = Files.newInputStream(file)) {
        byte[] octets = in.readNBytes(LARGEST);
        keys.load(new ByteArrayInputStream(octets), password.characters());
        return keys;
      }
    } catch (IOException e) {
      throw new TokenUnusable(
          e.getCause() instanceof UnrecoverableKeyException
              ? "the password is wrong for " + file + ", in file " + passwordFile
              : file + " cannot be read as a PKCS #12 file",
          e);
    } catch (GeneralSecurityException | RuntimeException e) {
      throw new TokenUnusable(file + " cannot be read as a PKCS #12 file", e);
    }
  }

  private Path beside(String suffix) {
    return file.resolveSibling(file.getFileName() + suffix);
  }

  private static Certificate decoded(X509CertificateHolder certificate)
      throws GeneralSecurityException, IOException {
    return CertificateFactory.getInstance("X.509")
        .generateCertificate(new ByteArrayInputStream(certificate.getEncoded()));
  }
}
