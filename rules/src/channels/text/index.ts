/** The shared spelling of notices: characters, units, times, the text of an SMS, variables of templates, and what a call says. */
export { cut, isPlain, type Language, plain } from './characters.ts';
export {
  furtherNotes,
  noticeLines,
  PHRASES,
  type Phrase,
  type PhraseOptions,
  phrases,
} from './phrases.ts';
export { SMS_PART, SMS_SINGLE, type SmsOptions, smsParts, smsSegments, smsText } from './sms.ts';
export { fillTemplate, isPhrase, type Template, templateValues, variablesOf } from './template.ts';
export { sayTime, spellTime } from './times.ts';
export { spell, spellUnit, spellValue } from './units.ts';
export { type VoiceOptions, voiceText } from './voice.ts';
