package dev.chancery.server;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.openssl.PEMParser;

/** A file of certificates in PEM (RFC 7468). */
final class PemFile {
  private PemFile() {}

  /** The certificates of a file, at least one. */
  static List<X509CertificateHolder> certificates(Path file) throws ConfigurationInvalid {
    List<X509CertificateHolder> certificates = new ArrayList<>();
    try (PEMParser parser = new PEMParser(new StringReader(Files.readString(file)))) {
      for (Object part = parser.readObject(); part != null; part = parser.readObject()) {
        if (!(part instanceof X509CertificateHolder certificate)) {
          throw new ConfigurationInvalid(file + ": holds something that is not a certificate");
        }
        certificates.add(certificate);
      }
    } catch (IOException | RuntimeException e) {
      throw new ConfigurationInvalid(file + ": cannot be read as certificates in PEM");
    }
    if (certificates.isEmpty()) {
      throw new ConfigurationInvalid(file + ": holds no certificate");
    }
    return certificates;
  }
}
