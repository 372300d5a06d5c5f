package dev.chancery.server.ceremony;

import dev.chancery.core.Der;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.ToBeSigned;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Locale;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;

/** What a ceremony has made: the transcript holds all of it, the files are copies. */
final class Results {
  private Results() {}

  static ToBeSigned toBeSigned(TranscriptEntry.Signing entry) {
    return new ToBeSigned(
        Der.of(Base64.getDecoder().decode(entry.toBeSigned())),
        SigningScheme.valueOf(entry.mechanism().toUpperCase(Locale.ROOT).replace('-', '_')));
  }

  static SignatureValue signature(TranscriptEntry.Signed entry) {
    return SignatureValue.of(Base64.getDecoder().decode(entry.signature()));
  }

  /** A finished certificate or CRL. */
  static Der finished(TranscriptState state, String item) {
    return toBeSigned(state.signing(item).orElseThrow())
        .with(signature(state.signed(item).orElseThrow()));
  }

  static X509CertificateHolder certificate(TranscriptState state, String item) {
    return Ceremony.decoded(finished(state, item));
  }

  /** The file of a finished item: certificates in PEM, the CRL in DER. */
  static byte[] file(TranscriptState state, String item) {
    Der finished = finished(state, item);
    if (state.signing(item).orElseThrow().kind().equals(TranscriptLedgers.LIST)) {
      return finished.bytes();
    }
    StringWriter text = new StringWriter();
    try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
      writer.writeObject(Ceremony.decoded(finished));
    } catch (IOException e) {
      throw new IllegalStateException("a certificate cannot be written as PEM", e);
    }
    return text.toString().getBytes(StandardCharsets.US_ASCII);
  }

  static void write(TranscriptState state, Folder out) throws CeremonyRefused {
    for (String item : state.made()) {
      out.write(state.signed(item).orElseThrow().file(), file(state, item));
    }
  }
}
