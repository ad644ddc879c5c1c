"""Texts of the predefined prompts in thirteen languages."""

from dataclasses import dataclass

from softtopic.data.language_names import ENGLISH


@dataclass(frozen=True, kw_only=True)
class PromptTexts:
    """Texts of the predefined prompts in one language; demonstrations are translations of the English ones.

    Attributes
    ----------
    document, topic : str
        Labels before the document and before its topic word. They end in an ASCII colon, after which a space is usual
        in every script: the words that are scored begin with one.
    published, theme, single_label, tag, four_shot : str
        Instructions of the predefined prompts.
    naming : str
        Instruction of the prompt by which topics are named.
    texts : tuple of str
        Documents of the demonstrations.
    words, names : tuple of str
        Topic word and name of each.
    """

    document: str
    topic: str
    published: str
    theme: str
    single_label: str
    tag: str
    four_shot: str
    naming: str
    texts: tuple[str, ...]
    words: tuple[str, ...]
    names: tuple[str, ...]


TEXTS: dict[str, PromptTexts] = {
    ENGLISH: PromptTexts(
        document="Document:",
        topic="Topic:",
        # The prompt of the published method, word for word (arXiv 2602.17907).
        published="Generate a label that capture the overall theme of the document below.",
        theme="Name the document's central theme.",
        single_label="Give a single label that sums up the text.",
        tag="Tag the document with its main idea.",
        four_shot="Name the topic of each document with a single lowercase word.",
        naming="Name the topic of each text with a short phrase.",
        texts=(
            "The senate passed the budget after a long debate over taxes.",
            "My new lens makes the photos much sharper in low light.",
            "Why does my sourdough starter smell of acetone?",
            "How do I reset the root password in MySQL?",
        ),
        words=("politics", "photography", "baking", "mysql"),
        names=("government budget", "camera lenses", "sourdough baking", "mysql passwords"),
    ),
    "ar": PromptTexts(
        document="المستند:",
        topic="الموضوع:",
        published="أنشئ تسمية تعبّر عن الموضوع العام للمستند أدناه.",
        theme="اذكر الموضوع الرئيسي للمستند.",
        single_label="أعطِ تسمية واحدة تلخّص النص.",
        tag="ضع للمستند وسمًا يعبّر عن فكرته الرئيسية.",
        four_shot="اذكر موضوع كل مستند بكلمة واحدة.",
        naming="اذكر موضوع كل نص بعبارة قصيرة.",
        texts=(
            "أقرّ مجلس الشيوخ الميزانية بعد نقاش طويل حول الضرائب.",
            "عدستي الجديدة تجعل الصور أوضح بكثير في الإضاءة الضعيفة.",
            "لماذا تفوح من خميرتي الطبيعية رائحة الأسيتون؟",
            "كيف أعيد تعيين كلمة مرور المستخدم root في MySQL؟",
        ),
        words=("سياسة", "تصوير", "خبز", "mysql"),
        names=("ميزانية الحكومة", "عدسات الكاميرا", "خبز العجين المخمر", "كلمات مرور mysql"),
    ),
    "de": PromptTexts(
        document="Dokument:",
        topic="Thema:",
        published="Gib ein Schlagwort an, das das übergeordnete Thema des folgenden Dokuments erfasst.",
        theme="Nenne das zentrale Thema des Dokuments.",
        single_label="Gib ein einziges Schlagwort an, das den Text zusammenfasst.",
        tag="Verschlagworte das Dokument nach seinem Hauptgedanken.",
        four_shot="Nenne das Thema jedes Dokuments mit einem einzigen kleingeschriebenen Wort.",
        naming="Benenne das Thema jedes Textes mit einem kurzen Ausdruck.",
        texts=(
            "Der Senat hat nach langer Debatte über die Steuern den Haushalt verabschiedet.",
            "Mit meinem neuen Objektiv werden die Fotos bei wenig Licht viel schärfer.",
            "Warum riecht mein Sauerteigansatz nach Aceton?",
            "Wie setze ich das Root-Passwort in MySQL zurück?",
        ),
        words=("politik", "fotografie", "backen", "mysql"),
        names=("Staatshaushalt", "Kameraobjektive", "Brot mit Sauerteig", "Passwörter in MySQL"),
    ),
    "es": PromptTexts(
        document="Documento:",
        topic="Tema:",
        published="Genera una etiqueta que capte el tema general del siguiente documento.",
        theme="Indica el tema central del documento.",
        single_label="Da una sola etiqueta que resuma el texto.",
        tag="Etiqueta el documento con su idea principal.",
        four_shot="Indica el tema de cada documento con una sola palabra en minúsculas.",
        naming="Indica el tema de cada texto con una expresión breve.",
        texts=(
            "El Senado aprobó los presupuestos tras un largo debate sobre los impuestos.",
            "Con mi nuevo objetivo las fotos salen mucho más nítidas con poca luz.",
            "¿Por qué mi masa madre huele a acetona?",
            "¿Cómo restablezco la contraseña de root en MySQL?",
        ),
        words=("política", "fotografía", "panadería", "mysql"),
        names=("presupuestos del estado", "objetivos fotográficos", "pan de masa madre", "contraseñas de mysql"),
    ),
    "fr": PromptTexts(
        document="Document :",
        topic="Sujet :",
        published="Donne une étiquette qui résume le thème général du document ci-dessous.",
        theme="Indique le thème central du document.",
        single_label="Donne une seule étiquette qui résume le texte.",
        tag="Étiquette le document avec son idée principale.",
        four_shot="Indique le sujet de chaque document par un seul mot en minuscules.",
        naming="Indique le sujet de chaque texte par une courte expression.",
        texts=(
            "Le Sénat a adopté le budget après un long débat sur les impôts.",
            "Avec mon nouvel objectif, les photos sont bien plus nettes en basse lumière.",
            "Pourquoi mon levain sent-il l'acétone ?",
            "Comment réinitialiser le mot de passe root dans MySQL ?",
        ),
        words=("politique", "photographie", "boulangerie", "mysql"),
        names=("budget de l'état", "objectifs photo", "pain au levain", "mots de passe mysql"),
    ),
    "hi": PromptTexts(
        document="दस्तावेज़:",
        topic="विषय:",
        published="नीचे दिए गए दस्तावेज़ के समग्र विषय को दर्शाने वाला एक लेबल दीजिए।",
        theme="दस्तावेज़ का मुख्य विषय बताइए।",
        single_label="पाठ का सार बताने वाला केवल एक लेबल दीजिए।",
        tag="दस्तावेज़ को उसके मुख्य विचार का टैग दीजिए।",
        four_shot="हर दस्तावेज़ का विषय केवल एक शब्द में बताइए।",
        naming="हर पाठ का विषय कुछ ही शब्दों में बताइए।",
        texts=(
            "सीनेट ने करों पर लंबी बहस के बाद बजट पारित कर दिया।",
            "मेरे नए लेंस से कम रोशनी में भी तस्वीरें कहीं ज़्यादा साफ़ आती हैं।",
            "मेरे खमीर से एसीटोन जैसी गंध क्यों आ रही है?",
            "MySQL में root का पासवर्ड कैसे रीसेट करूँ?",
        ),
        words=("राजनीति", "फ़ोटोग्राफ़ी", "बेकिंग", "mysql"),
        names=("सरकारी बजट", "कैमरा लेंस", "खमीर वाली ब्रेड", "mysql पासवर्ड"),
    ),
    "it": PromptTexts(
        document="Documento:",
        topic="Argomento:",
        published="Dai un'etichetta che colga il tema generale del documento seguente.",
        theme="Indica il tema centrale del documento.",
        single_label="Dai un'unica etichetta che riassuma il testo.",
        tag="Etichetta il documento con la sua idea principale.",
        four_shot="Indica l'argomento di ogni documento con una sola parola in minuscolo.",
        naming="Indica l'argomento di ogni testo con una breve espressione.",
        texts=(
            "Il Senato ha approvato il bilancio dopo un lungo dibattito sulle tasse.",
            "Con il mio nuovo obiettivo le foto sono molto più nitide con poca luce.",
            "Perché il mio lievito madre puzza di acetone?",
            "Come reimposto la password di root in MySQL?",
        ),
        words=("politica", "fotografia", "panificazione", "mysql"),
        names=("bilancio dello stato", "obiettivi fotografici", "pane con lievito madre", "password di mysql"),
    ),
    "ja": PromptTexts(
        document="文書:",
        topic="トピック:",
        published="以下の文書の全体的なテーマを表すラベルを付けてください。",
        theme="文書の中心的なテーマを挙げてください。",
        single_label="文章を要約するラベルを一つ付けてください。",
        tag="文書の主旨を表すタグを付けてください。",
        four_shot="各文書のトピックを一語で答えてください。",
        naming="各文章のトピックを短い語句で答えてください。",
        texts=(
            "上院は税金をめぐる長い議論の末、予算案を可決した。",
            "新しいレンズのおかげで、暗い場所でも写真がずっと鮮明に撮れる。",
            "サワードウの種からアセトンのにおいがするのはなぜですか。",
            "MySQLのrootパスワードをリセットするにはどうすればよいですか。",
        ),
        words=("政治", "写真", "製パン", "mysql"),
        names=("政府予算", "カメラレンズ", "サワードウブレッド", "mysqlのパスワード"),
    ),
    "nl": PromptTexts(
        document="Document:",
        topic="Onderwerp:",
        published="Geef een label dat het algemene thema van het onderstaande document weergeeft.",
        theme="Noem het centrale thema van het document.",
        single_label="Geef één label dat de tekst samenvat.",
        tag="Geef het document een label met de hoofdgedachte.",
        four_shot="Noem het onderwerp van elk document met één woord in kleine letters.",
        naming="Noem het onderwerp van elke tekst met een korte omschrijving.",
        texts=(
            "De Senaat heeft na een lang debat over de belastingen de begroting aangenomen.",
            "Met mijn nieuwe lens zijn de foto's bij weinig licht veel scherper.",
            "Waarom ruikt mijn zuurdesemstarter naar aceton?",
            "Hoe stel ik het rootwachtwoord in MySQL opnieuw in?",
        ),
        words=("politiek", "fotografie", "bakken", "mysql"),
        names=("begroting van de overheid", "cameralenzen", "brood met zuurdesem", "wachtwoorden in mysql"),
    ),
    "pt": PromptTexts(
        document="Documento:",
        topic="Tema:",
        published="Dê um rótulo que capte o tema geral do documento a seguir.",
        theme="Indique o tema central do documento.",
        single_label="Dê um único rótulo que resuma o texto.",
        tag="Rotule o documento com a sua ideia principal.",
        four_shot="Indique o tema de cada documento com uma única palavra em minúsculas.",
        naming="Indique o tema de cada texto com uma expressão curta.",
        texts=(
            "O Senado aprovou o orçamento após um longo debate sobre os impostos.",
            "A minha nova lente deixa as fotos muito mais nítidas com pouca luz.",
            "Por que o meu fermento natural cheira a acetona?",
            "Como redefinir a senha do root no MySQL?",
        ),
        words=("política", "fotografia", "panificação", "mysql"),
        names=("orçamento do estado", "lentes fotográficas", "pão de fermentação natural", "senhas do mysql"),
    ),
    "ru": PromptTexts(
        document="Документ:",
        topic="Тема:",
        published="Придумайте метку, которая передаёт общую тему документа, приведённого ниже.",
        theme="Назовите главную тему документа.",
        single_label="Дайте одну метку, которая обобщает текст.",
        tag="Отметьте документ его основной мыслью.",
        four_shot="Назовите тему каждого документа одним словом со строчной буквы.",
        naming="Назовите тему каждого текста короткой фразой.",
        texts=(
            "Сенат принял бюджет после долгих споров о налогах.",
            "С новым объективом снимки при слабом освещении стали намного резче.",
            "Почему моя закваска для хлеба пахнет ацетоном?",
            "Как сбросить пароль root в MySQL?",
        ),
        words=("политика", "фотография", "выпечка", "mysql"),
        names=("государственный бюджет", "объективы для камер", "хлеб на закваске", "пароли mysql"),
    ),
    "th": PromptTexts(
        document="เอกสาร:",
        topic="หัวข้อ:",
        published="ตั้งป้ายกำกับที่สื่อถึงหัวข้อโดยรวมของเอกสารด้านล่าง",
        theme="ระบุหัวข้อหลักของเอกสาร",
        single_label="ตั้งป้ายกำกับเดียวที่สรุปข้อความนี้",
        tag="ติดแท็กให้เอกสารตามใจความสำคัญ",
        four_shot="ระบุหัวข้อของเอกสารแต่ละฉบับด้วยคำเดียว",
        naming="ระบุหัวข้อของแต่ละข้อความด้วยวลีสั้น ๆ",
        texts=(
            "วุฒิสภาผ่านร่างงบประมาณหลังอภิปรายเรื่องภาษีกันอย่างยาวนาน",
            "เลนส์ใหม่ของฉันทำให้ภาพถ่ายในที่แสงน้อยคมชัดขึ้นมาก",
            "ทำไมหัวเชื้อซาวโดว์ของฉันจึงมีกลิ่นอะซิโตน",
            "จะรีเซ็ตรหัสผ่าน root ใน MySQL ได้อย่างไร",
        ),
        words=("การเมือง", "การถ่ายภาพ", "เบเกอรี่", "mysql"),
        names=("งบประมาณแผ่นดิน", "เลนส์กล้อง", "ขนมปังซาวโดว์", "รหัสผ่าน mysql"),
    ),
    "zh": PromptTexts(
        document="文档:",
        topic="主题:",
        published="请给出一个标签，概括以下文档的整体主题。",
        theme="请说出文档的中心主题。",
        single_label="请用一个标签概括这段文字。",
        tag="请根据文档的主旨为其添加标签。",
        four_shot="请用一个词说出每篇文档的主题。",
        naming="请用一个简短的词组说出每段文字的主题。",
        texts=(
            "经过对税收问题的长时间辩论，参议院通过了预算案。",
            "换上新镜头后，弱光下拍的照片清晰多了。",
            "我的天然酵种为什么有一股丙酮味？",
            "如何重置 MySQL 的 root 密码？",
        ),
        words=("政治", "摄影", "烘焙", "mysql"),
        names=("政府预算", "相机镜头", "酸种面包", "mysql 密码"),
    ),
}

# Languages of the predefined prompts.
PROMPT_LANGUAGES = tuple(TEXTS)
