package dev.chancery.server;

import dev.chancery.core.Csr;
import dev.chancery.core.Refused;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/** Files of certificates and requests in PEM (RFC 7468). */
final class PemFile {
  private PemFile() {}

  /** The certification request that a file is, its signature checked. */
  static Csr request(Path file) throws ConfigurationInvalid {
    try (PEMParser parser = new PEMParser(new StringReader(Files.readString(file)))) {
      if (parser.readObject() instanceof PKCS10CertificationRequest request) {
        return Csr.parse(request.getEncoded());
      }
    } catch (IOException | RuntimeException | Refused e) {
      throw new ConfigurationInvalid(file + ": cannot be read as a certification request in PEM");
    }
    throw new ConfigurationInvalid(file + ": is not a certification request in PEM");
  }

  /** Objects of Bouncy Castle as PEM. */
  static String text(List<?> objects) {
    StringWriter text = new StringWriter();
    try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
      for (Object object : objects) {
        writer.writeObject(object);
      }
    } catch (IOException e) {
      throw new IllegalStateException("an object cannot be written as PEM", e);
    }
    return text.toString();
  }

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
