package dev.chancery.e2e;

import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPrivateCrtKey;
import java.time.Instant;
import java.util.Date;
import java.util.HexFormat;
import java.util.Map;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** A CA key that a test made itself, so that it knows what nobody else may know. */
record KnownKey(String id, KeyPair pair) {
  static KnownKey make(String id, String algorithm, int bits) throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
    generator.initialize(bits);
    return new KnownKey(id, generator.generateKeyPair());
  }

  String hexId() {
    return HexFormat.of().formatHex(id.getBytes(StandardCharsets.US_ASCII));
  }

  void addPrivateNumbers(SecretSearch search) {
    switch (pair.getPrivate()) {
      case ECPrivateKey key -> search.number(id + " scalar", key.getS());
      case RSAPrivateCrtKey key ->
          search
              .number(id + " d", key.getPrivateExponent())
              .number(id + " p", key.getPrimeP())
              .number(id + " q", key.getPrimeQ())
              .number(id + " d mod p-1", key.getPrimeExponentP())
              .number(id + " d mod q-1", key.getPrimeExponentQ());
      default -> throw new IllegalStateException();
    }
  }

  BigInteger publicNumber() {
    return switch (pair.getPrivate()) {
      case RSAPrivateCrtKey key -> key.getModulus();
      default -> ((ECPublicKey) pair.getPublic()).getW().getAffineX();
    };
  }

  /** Puts the key into a token, with the certificate beside it without which Java sees no key. */
  void importInto(Path token, String label, Path folder)
      throws IOException, InterruptedException, GeneralSecurityException {
    Map<String, String> environment =
        Map.of(
            "SOFTHSM2_CONF",
            token.resolve("softhsm2.conf").toString(),
            "PIN",
            Files.readString(token.resolve(label + ".pin")).strip());
    Path key = folder.resolve(id + ".pem");
    Path certificate = folder.resolve(id + ".der");
    try {
      Files.writeString(key, pem());
      Files.write(certificate, certificate());
      CommandResult.of(
              folder,
              environment,
              "sh",
              "-c",
              "softhsm2-util --import \"$1\" --token \"$2\" --label \"$3\" --id \"$4\" --pin"
                  + " \"$PIN\"",
              "sh",
              key.toString(),
              label,
              id,
              hexId())
          .requireDone();
      Pkcs11Tool.of(
              folder,
              environment,
              label,
              "--write-object",
              certificate.toString(),
              "--type",
              "cert",
              "--id",
              hexId(),
              "--label",
              id)
          .requireDone();
    } finally {
      Files.deleteIfExists(key);
    }
  }

  private String pem() throws IOException {
    StringWriter text = new StringWriter();
    try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
      writer.writeObject(new JcaPKCS8Generator(pair.getPrivate(), null));
    }
    return text.toString();
  }

  private byte[] certificate() throws IOException, GeneralSecurityException {
    X500Name name = new X500Name("CN=" + id);
    Instant now = Instant.now();
    String algorithm =
        pair.getPrivate() instanceof ECPrivateKey ? "SHA256withECDSA" : "SHA256withRSA";
    try {
      return new JcaX509v3CertificateBuilder(
              name,
              BigInteger.ONE,
              Date.from(now),
              Date.from(now.plusSeconds(60)),
              name,
              pair.getPublic())
          .build(new JcaContentSignerBuilder(algorithm).build(pair.getPrivate()))
          .getEncoded();
    } catch (OperatorCreationException e) {
      throw new GeneralSecurityException(e);
    }
  }
}
