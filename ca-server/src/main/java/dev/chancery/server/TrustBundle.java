package dev.chancery.server;

import dev.chancery.core.Der;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;

/** The roots that clients of this CA trust. */
record TrustBundle(List<X509CertificateHolder> roots) {
  TrustBundle {
    roots = List.copyOf(roots);
  }

  static TrustBundle read(List<Path> files) throws ConfigurationInvalid {
    List<X509CertificateHolder> roots = new ArrayList<>();
    for (Path file : files) {
      roots.addAll(PemFile.certificates(file));
    }
    return new TrustBundle(roots);
  }

  /** As {@link #read}, refusing what no client would trust now. */
  static TrustBundle readValid(List<Path> files, Instant now) throws ConfigurationInvalid {
    for (Path file : files) {
      for (X509CertificateHolder root : PemFile.certificates(file)) {
        CertificationPath.requireRoot(file, root, now);
      }
    }
    return read(files);
  }

  String pem() {
    return PemFile.text(roots);
  }

  List<Der> encoded() {
    List<Der> all = new ArrayList<>();
    for (X509CertificateHolder root : roots) {
      try {
        all.add(Der.of(root.getEncoded()));
      } catch (IOException e) {
        throw new IllegalStateException("a certificate cannot be encoded", e);
      }
    }
    return all;
  }

  KeyStore trustStore() {
    try {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      for (X509CertificateHolder root : roots) {
        store.setCertificateEntry(
            "root-" + store.size(), new JcaX509CertificateConverter().getCertificate(root));
      }
      return store;
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException("a trust store cannot be made in memory", e);
    }
  }

  /** The SHA-256 fingerprint of a certificate, as openssl x509 -fingerprint prints it. */
  static String fingerprint(X509CertificateHolder certificate) {
    try {
      byte[] digest = Der.of(certificate.getEncoded()).sha256();
      return HexFormat.ofDelimiter(":").withUpperCase().formatHex(digest);
    } catch (IOException e) {
      throw new IllegalStateException("a certificate cannot be encoded", e);
    }
  }
}
